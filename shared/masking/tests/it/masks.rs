//! What is masked, and how, by example.

use countersign_masking::{ColumnInfo, Counts, Entity, Masker, MaskingPolicy};
use serde_json::{Value, json};

fn masker(policy: Value) -> Masker {
    Masker::new(&MaskingPolicy::parse(&policy).unwrap(), Some(b"key of the connection")).unwrap()
}

fn text(policy: Value, text: &str) -> String {
    masker(policy).text(text, &mut Counts::new()).unwrap()
}

fn column(name: &str) -> ColumnInfo {
    ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() }
}

fn from(table: &str, source: &str, name: &str) -> ColumnInfo {
    ColumnInfo { source: Some((table.to_owned(), source.to_owned())), ..column(name) }
}

/// One row through a mask; NULL is written as `NULL`.
fn row(policy: Value, columns: &[ColumnInfo], cells: &[&str]) -> Vec<String> {
    let cells = cells.iter().map(|cell| (*cell != "NULL").then(|| (*cell).to_owned())).collect();
    let masked = masker(policy).row_masker(columns).mask(cells, &mut Counts::new()).unwrap();
    masked.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".to_owned())).collect()
}

#[test]
fn each_entity_is_masked_in_a_sentence() {
    let sentences = [
        ("card 4111 1111 1111 1111 expires", "card <CREDIT_CARD> expires"),
        ("amex 371449635398431", "amex <CREDIT_CARD>"),
        ("to GB29 NWBK 6016 1331 9268 19, please", "to <IBAN_CODE>, please"),
        ("to DE89370400440532013000.", "to <IBAN_CODE>."),
        ("mail jo.smith+x@mail.example.co.uk.", "mail <EMAIL_ADDRESS>."),
        ("mail jörg@bücher.example", "mail <EMAIL_ADDRESS>"),
        ("'a','jo@example.com'", "'a','<EMAIL_ADDRESS>'"),
        ("?user=jo%40example.com&x=1", "?user=<EMAIL_ADDRESS>&x=1"),
        ("ssn 536-22-1234", "ssn <US_SSN>"),
        ("social security number 536221234", "social security number <US_SSN>"),
        ("from 86.121.97.248:443", "from <IP_ADDRESS>:443"),
        ("from 2001:db8:85a3::8a2e:370:7334 to", "from <IP_ADDRESS> to"),
        ("[fe80::1ff:fe23:4567:890a]:80", "[<IP_ADDRESS>]:80"),
        ("at 00:1a:2b:3c:4d:5e", "at <MAC_ADDRESS>"),
        ("at 00-1A-2B-3C-4D-5E", "at <MAC_ADDRESS>"),
        ("nhs 943 476 5919", "nhs <UK_NHS>"),
        ("cpf 529.982.247-25", "cpf <BR_CPF>"),
        ("aadhaar 2341 2341 2346", "aadhaar <IN_AADHAAR>"),
        ("nif 12345678Z, nie X1234567L", "nif <ES_NIF>, nie <ES_NIF>"),
        ("nif 12345678-Z", "nif <ES_NIF>"),
        ("cf RSSMRA85T10A562S", "cf <IT_FISCAL_CODE>"),
        ("pesel 44051401359", "pesel <PL_PESEL>"),
        ("passport C12345678", "passport <US_PASSPORT>"),
        ("bank account 945456787654", "bank account <US_BANK_NUMBER>"),
        ("btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "btc <CRYPTO>"),
        ("eth 0x52908400098527886E0F7030069857D2E4169EE7", "eth <CRYPTO>"),
        ("postgres://app:s3cret@db.internal/app", "postgres://<URL_CREDENTIALS>@db.internal/app"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <AWS_KEY>"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = <AWS_KEY>",
        ),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0", "<JWT>"),
        ("password=hunter2 user=app", "password=<SECRET> user=app"),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer <SECRET>"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a <PRIVATE_KEY> b"),
        ("tel +44 20 7946 0958", "tel <PHONE_NUMBER>"),
    ];
    for (sentence, expected) in sentences {
        assert_eq!(text(json!({}), sentence), expected);
    }
}

#[test]
fn telephone_numbers_are_found_in_the_notations_of_the_world() {
    let numbers = [
        "+12125550199",
        "+1 (212) 555-0199",
        "+1-212-555-0199",
        "(212) 555-0199",
        "(212)555-0199",
        "212-555-0199",
        "212.555.0199",
        "1-800-555-0199",
        "001-518-640-0854",
        "345-899-3560x4587",
        "(898)666-3621x0135",
        "212-555-0199 ext. 12",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "020 7946 0958",
        "07700 900123",
        "07700900123",
        "+33 1 23 45 67 89",
        "01 23 45 67 89",
        "06.12.34.56.78",
        "+49 30 1234567",
        "030/1234567",
        "+49 (0)30 123456-78",
        "+81 3-1234-5678",
        "03-1234-5678",
        "090-1234-5678",
        "+91 98765 43210",
        "98765 43210",
        "+86 138 1234 5678",
        "138 1234 5678",
        "+55 11 91234-5678",
        "(11) 91234-5678",
        "+7 912 345-67-89",
        "8 (912) 345-67-89",
        "+61 2 9876 5432",
        "(02) 9876 5432",
        "0411 123 456",
        "+46 (0)8 928 571 38",
        "+41 44 668 18 00",
        "044 668 18 00",
        "+972 54-123-4567",
        "054-1234567",
        "+27 82 490 1693",
        "0044 20 7946 0958",
    ];
    for number in numbers {
        assert_eq!(text(json!({}), &format!("a {number} z")), "a <PHONE_NUMBER> z", "{number}");
    }
    for number in ["555-0199", "12 34 56 78", "601 234 567", "2125550199", "9123 4567"] {
        assert_eq!(text(json!({}), &format!("phone {number} z")), "phone <PHONE_NUMBER> z", "{number}");
        assert_eq!(text(json!({}), &format!("a {number} z")), format!("a {number} z"));
    }
}

#[test]
fn a_column_is_masked_by_its_name_whatever_is_in_it() {
    let columns = ["id", "email", "homePhone", "password_hash", "first_name", "email_verified", "address2"];
    let columns: Vec<ColumnInfo> = columns.iter().map(|name| column(name)).collect();
    let cells =
        row(json!({}), &columns, &["7", "none of your business", "call me", "x", "Jo", "t", "1 Main St"]);
    assert_eq!(cells, ["7", "<EMAIL_ADDRESS>", "<PHONE_NUMBER>", "<SECRET>", "<PERSON>", "t", "<LOCATION>"]);
}

#[test]
fn null_and_the_empty_string_stay_what_they_are() {
    let cells = row(json!({}), &[column("email"), column("email")], &["NULL", ""]);
    assert_eq!(cells, ["NULL", ""]);
}

#[test]
fn an_alias_does_not_unmask() {
    let expression = ColumnInfo { refs: vec!["users.ssn".to_owned()], ..column("harmless") };
    let columns = [from("users", "email", "harmless"), from("users", "name", "n"), expression];
    let cells = row(json!({"allow": ["harmless", "n"]}), &columns, &["a", "b", "c"]);
    assert_eq!(cells, ["<EMAIL_ADDRESS>", "<PERSON>", "<US_SSN>"]);
}

#[test]
fn a_policy_adds_columns_and_allows_others() {
    let policy =
        json!({"columns": ["note", "orders.total"], "allow": ["users.email", "noreply@example.com"]});
    let columns = [
        column("Note"),
        from("orders", "total", "t"),
        from("items", "total", "t"),
        from("users", "email", "x"),
    ];
    let cells = row(policy.clone(), &columns, &["a", "1", "2", "jo@example.com"]);
    assert_eq!(cells, ["<MASKED_COLUMN>", "<MASKED_COLUMN>", "2", "jo@example.com"]);
    assert_eq!(text(policy, "noreply@example.com, jo@example.com"), "noreply@example.com, <EMAIL_ADDRESS>");
}

#[test]
fn only_the_entities_of_the_policy_are_masked() {
    let policy = json!({"entities": ["CREDIT_CARD"]});
    assert_eq!(text(policy.clone(), "jo@example.com 4111111111111111"), "jo@example.com <CREDIT_CARD>");
    assert_eq!(row(policy, &[column("email")], &["x"]), ["x"]);
    assert_eq!(text(json!({"enabled": false}), "4111111111111111"), "4111111111111111");
}

#[test]
fn json_in_a_cell_is_masked_by_key_and_by_value_and_stays_json() {
    let cell = r#"{"id": 7, "email": "none", "phones": ["x"], "note": "mail jo@example.com", "esc": "jo\u0040example.com",
        "card": 4111111111111111, "n": {"ssn": null, "token": "t", "raw": "{\"password\":\"p\"}"}}"#;
    let masked = &row(json!({}), &[column("payload")], &[cell])[0];
    let value: Value = serde_json::from_str(masked).unwrap();
    let expected = json!({"id": 7, "email": "<EMAIL_ADDRESS>", "phones": "<PHONE_NUMBER>", "note": "mail <EMAIL_ADDRESS>",
        "esc": "<EMAIL_ADDRESS>", "card": "<CREDIT_CARD>",
        "n": {"ssn": null, "token": "<SECRET>", "raw": "{\"password\":\"<SECRET>\"}"}});
    assert_eq!(value, expected);
}

#[test]
fn keys_of_json_are_known_in_text_as_well() {
    let lines = [
        (r#"INFO {"first_name": "Jo \"the\" one", "n": 1}"#, r#"INFO {"first_name": "<PERSON>", "n": 1}"#),
        (r#"  "ssn": 7,"#, r#"  "ssn": <US_SSN>,"#),
        (r#""{\"last_name\":\"Doe\",\"n\":1}""#, r#""{\"last_name\":\"<PERSON>\",\"n\":1}""#),
        (r#"7,"{""last_name"":""Doe""}""#, r#"7,"{""last_name"":""<PERSON>""}""#),
        (
            r#"{"email": null, "password": "", "phone": true, "name": "x"}"#,
            r#"{"email": null, "password": "", "phone": true, "name": "x"}"#,
        ),
    ];
    for (line, expected) in lines {
        assert_eq!(text(json!({}), line), expected);
    }
}

#[test]
fn the_messages_of_databases_are_masked_by_the_columns_they_name() {
    let messages = [
        ("Key (first_name)=(Jo (the one)) already exists.", "Key (first_name)=(<PERSON>) already exists."),
        ("Key (id)=(7) already exists.", "Key (id)=(7) already exists."),
        ("Key (lower(email))=(jo) already exists.", "Key (lower(email))=(<EMAIL_ADDRESS>) already exists."),
        ("Failing row contains (7, Jo, null).", "Failing row contains (<ROW>)."),
        (
            "Duplicate entry 'Jo' for key 'users.last_name'",
            "Duplicate entry '<PERSON>' for key 'users.last_name'",
        ),
        ("Duplicate entry '7' for key 'users.PRIMARY'", "Duplicate entry '7' for key 'users.PRIMARY'"),
    ];
    for (message, expected) in messages {
        assert_eq!(masker(json!({})).message(message, &mut Counts::new()).unwrap(), expected);
    }
}

#[test]
fn the_style_keeps_the_last_four_or_hashes_so_that_equal_values_stay_equal() {
    let policy = json!({"style": "keep_last4", "styles": {"EMAIL_ADDRESS": "hash"}});
    assert_eq!(text(policy.clone(), "4111 1111 1111 1111"), "**** **** **** 1111");
    let masked = text(policy.clone(), "jo@example.com JO@example.com jo@example.org");
    let hashes: Vec<&str> = masked.split(' ').collect();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
    let other = Masker::new(&MaskingPolicy::parse(&policy).unwrap(), Some(b"another")).unwrap();
    assert_ne!(other.text("jo@example.com", &mut Counts::new()).unwrap(), hashes[0]);
    assert_eq!(text(json!({"style": "keep_last4"}), "password=correct-horse-1234"), "password=<SECRET>");
}

#[test]
fn counts_say_what_was_masked() {
    let mut counts = Counts::new();
    let masker = masker(json!({}));
    masker.text("jo@example.com, jo@example.org, 4111111111111111", &mut counts).unwrap();
    assert_eq!(counts.of(Entity::Email), 2);
    assert_eq!(serde_json::to_value(counts.to_map()).unwrap(), json!({"CREDIT_CARD": 1, "EMAIL_ADDRESS": 2}));
}

#[test]
fn a_policy_that_says_something_unknown_is_refused_where_it_says_it() {
    let refused = |policy: Value| MaskingPolicy::parse(&policy).unwrap_err();
    assert_eq!(refused(json!({"entities": ["EMAIL_ADDRESS", "EMAIL"]})).pointer, "/entities/1");
    assert_eq!(refused(json!({"styles": {"CREDIT_CARD": "rot13"}})).pointer, "/styles");
    assert!(refused(json!({"colums": []})).message.contains("colums"));
    let policy = MaskingPolicy::parse(&json!({"style": "hash"})).unwrap();
    assert_eq!(Masker::new(&policy, None).unwrap_err().pointer, "/style");
}

#[test]
fn a_row_that_does_not_fit_its_columns_is_an_error_and_not_shown() {
    let masker = masker(json!({})).row_masker(&[column("a")]);
    assert!(masker.mask(vec![None, None], &mut Counts::new()).is_err());
}
