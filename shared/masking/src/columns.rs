//! Names of columns and of JSON's keys that tell what is in them.

use std::collections::HashSet;

use crate::Entity;
use crate::entity::EntitySet;
use crate::row::ColumnInfo;

/// The last words of a name, and what a column is then. The words are in lower case with `_` between.
const ENDINGS: &[(&str, Entity)] = &[
    ("email", Entity::Email),
    ("e_mail", Entity::Email),
    ("mail", Entity::Email),
    ("email_address", Entity::Email),
    ("mail_address", Entity::Email),
    ("emails", Entity::Email),
    ("phone", Entity::PhoneNumber),
    ("phones", Entity::PhoneNumber),
    ("phone_number", Entity::PhoneNumber),
    ("phone_no", Entity::PhoneNumber),
    ("phonenumber", Entity::PhoneNumber),
    ("telephone", Entity::PhoneNumber),
    ("telephone_number", Entity::PhoneNumber),
    ("tel", Entity::PhoneNumber),
    ("mobile", Entity::PhoneNumber),
    ("mobile_number", Entity::PhoneNumber),
    ("mobile_no", Entity::PhoneNumber),
    ("cell_phone", Entity::PhoneNumber),
    ("cellphone", Entity::PhoneNumber),
    ("fax", Entity::PhoneNumber),
    ("fax_number", Entity::PhoneNumber),
    ("msisdn", Entity::PhoneNumber),
    ("ssn", Entity::UsSsn),
    ("social_security", Entity::UsSsn),
    ("social_security_number", Entity::UsSsn),
    ("social_security_no", Entity::UsSsn),
    ("card", Entity::CreditCard),
    ("card_number", Entity::CreditCard),
    ("card_no", Entity::CreditCard),
    ("cardnumber", Entity::CreditCard),
    ("credit_card", Entity::CreditCard),
    ("creditcard", Entity::CreditCard),
    ("credit_card_number", Entity::CreditCard),
    ("cc_number", Entity::CreditCard),
    ("ccnumber", Entity::CreditCard),
    ("pan", Entity::CreditCard),
    ("cvv", Entity::Secret),
    ("cvc", Entity::Secret),
    ("cvv2", Entity::Secret),
    ("iban", Entity::Iban),
    ("account_number", Entity::UsBankNumber),
    ("account_no", Entity::UsBankNumber),
    ("acct_no", Entity::UsBankNumber),
    ("bank_account", Entity::UsBankNumber),
    ("passport", Entity::UsPassport),
    ("passport_number", Entity::UsPassport),
    ("passport_no", Entity::UsPassport),
    ("nhs_number", Entity::UkNhs),
    ("cpf", Entity::BrCpf),
    ("aadhaar", Entity::InAadhaar),
    ("aadhaar_number", Entity::InAadhaar),
    ("aadhar", Entity::InAadhaar),
    ("nif", Entity::EsNif),
    ("dni", Entity::EsNif),
    ("codice_fiscale", Entity::ItFiscalCode),
    ("pesel", Entity::PlPesel),
    ("ip", Entity::IpAddress),
    ("ip_address", Entity::IpAddress),
    ("ip_addr", Entity::IpAddress),
    ("ipaddress", Entity::IpAddress),
    ("remote_addr", Entity::IpAddress),
    ("mac_address", Entity::MacAddress),
    ("mac_addr", Entity::MacAddress),
    ("password", Entity::Secret),
    ("passwd", Entity::Secret),
    ("pwd", Entity::Secret),
    ("passphrase", Entity::Secret),
    ("pin_code", Entity::Secret),
    ("secret", Entity::Secret),
    ("secret_key", Entity::Secret),
    ("client_secret", Entity::Secret),
    ("token", Entity::Secret),
    ("access_token", Entity::Secret),
    ("refresh_token", Entity::Secret),
    ("api_key", Entity::Secret),
    ("apikey", Entity::Secret),
    ("api_token", Entity::Secret),
    ("auth_token", Entity::Secret),
    ("private_key", Entity::Secret),
    ("access_key", Entity::Secret),
    ("credentials", Entity::Secret),
    ("otp", Entity::Secret),
    ("security_answer", Entity::Secret),
    ("salt", Entity::Secret),
    ("first_name", Entity::Person),
    ("firstname", Entity::Person),
    ("fname", Entity::Person),
    ("given_name", Entity::Person),
    ("middle_name", Entity::Person),
    ("middlename", Entity::Person),
    ("last_name", Entity::Person),
    ("lastname", Entity::Person),
    ("lname", Entity::Person),
    ("surname", Entity::Person),
    ("family_name", Entity::Person),
    ("maiden_name", Entity::Person),
    ("full_name", Entity::Person),
    ("fullname", Entity::Person),
    ("customer_name", Entity::Person),
    ("client_name", Entity::Person),
    ("patient_name", Entity::Person),
    ("employee_name", Entity::Person),
    ("contact_name", Entity::Person),
    ("person_name", Entity::Person),
    ("cardholder", Entity::Person),
    ("cardholder_name", Entity::Person),
    ("card_holder", Entity::Person),
    ("account_holder", Entity::Person),
    ("address", Entity::Location),
    ("addr", Entity::Location),
    ("address_line", Entity::Location),
    ("addressline", Entity::Location),
    ("street", Entity::Location),
    ("street_address", Entity::Location),
    ("street_name", Entity::Location),
    ("house_number", Entity::Location),
    ("postcode", Entity::Location),
    ("postal_code", Entity::Location),
    ("zip", Entity::Location),
    ("zip_code", Entity::Location),
    ("zipcode", Entity::Location),
    ("latitude", Entity::Location),
    ("longitude", Entity::Location),
    ("dob", Entity::DateOfBirth),
    ("date_of_birth", Entity::DateOfBirth),
    ("dateofbirth", Entity::DateOfBirth),
    ("birth_date", Entity::DateOfBirth),
    ("birthdate", Entity::DateOfBirth),
    ("birthday", Entity::DateOfBirth),
];

/// Last words that say how a value is written, not what it is.
const FORMS: &[&str] = &[
    "hash",
    "hashed",
    "digest",
    "encrypted",
    "enc",
    "raw",
    "text",
    "txt",
    "value",
    "val",
    "plain",
    "clear",
    "old",
    "new",
    "lower",
    "upper",
    "normalized",
    "normalised",
    "last4",
    "str",
    "string",
];

/// First words that make it a statement about the value.
const ABOUT: &[&str] = &["is", "has", "num", "count", "requires", "needs"];

/// Words before `address` that are no place where somebody lives.
const OTHER_ADDRESSES: &[&str] = &["mac", "memory", "contract", "wallet", "server", "listen", "bind"];

/// Tables of persons: there, `name` is a person's.
const PERSONS: &[&str] = &[
    "customer",
    "user",
    "person",
    "people",
    "patient",
    "employee",
    "contact",
    "client",
    "member",
    "student",
    "staff",
    "subscriber",
    "applicant",
    "guest",
    "lead",
    "passenger",
    "tenant_user",
    "account_holder",
    "citizen",
    "profile",
    "author",
    "owner",
    "resident",
];

/// What a connection's names tell: the built-in ones and those of its policy.
#[derive(Debug)]
pub(crate) struct Names {
    entities: EntitySet,
    masked: HashSet<String>,
    allowed_names: HashSet<String>,
    allowed_values: HashSet<Vec<u8>>,
}

impl Names {
    pub(crate) fn new(masked: &[String], allowed: &[String], entities: EntitySet) -> Names {
        Names {
            entities,
            masked: masked.iter().map(|name| name.to_lowercase()).collect(),
            allowed_names: allowed.iter().map(|name| name.to_lowercase()).collect(),
            allowed_values: allowed.iter().map(|value| value.as_bytes().to_vec()).collect(),
        }
    }

    pub(crate) fn allows_value(&self, value: &[u8]) -> bool {
        !self.allowed_values.is_empty() && self.allowed_values.contains(value)
    }

    /// The policy allows a column by where it comes from. Its name in the result does not count: whoever
    /// writes the command chooses that.
    pub(crate) fn allows_column(&self, column: &ColumnInfo) -> bool {
        if self.allowed_names.is_empty() {
            return false;
        }
        match &column.source {
            Some((table, name)) => listed(&self.allowed_names, Some(table), name),
            None => {
                !column.refs.is_empty()
                    && column.refs.iter().all(|reference| {
                        let (table, name) = split(reference);
                        listed(&self.allowed_names, table, name)
                    })
            }
        }
    }

    /// What a column is by its name, its source and what it is computed from.
    pub(crate) fn of_column(&self, column: &ColumnInfo) -> Option<Entity> {
        let table = column.source.as_ref().map(|(table, _)| table.as_str());
        let source = column.source.as_ref().and_then(|(table, name)| self.of_name(Some(table), name));
        source.or_else(|| self.of_name(table, &column.name)).or_else(|| {
            column.refs.iter().find_map(|reference| {
                let (table, name) = split(reference);
                self.of_name(table, name)
            })
        })
    }

    /// What a JSON key holds.
    pub(crate) fn of_key(&self, key: &str) -> Option<Entity> {
        if listed(&self.allowed_names, None, key) { None } else { self.of_name(None, key) }
    }

    pub(crate) fn of_name(&self, table: Option<&str>, name: &str) -> Option<Entity> {
        if listed(&self.masked, table, name) {
            return Some(Entity::MaskedColumn);
        }
        entity_of(table, name).filter(|entity| self.entities.has(*entity))
    }
}

fn split(reference: &str) -> (Option<&str>, &str) {
    reference.rsplit_once('.').map_or((None, reference), |(table, name)| (Some(table), name))
}

/// `name`, `table.name` or `schema.table.name` is in the list.
fn listed(list: &HashSet<String>, table: Option<&str>, name: &str) -> bool {
    if list.is_empty() {
        return false;
    }
    let name = name.to_lowercase();
    let Some(table) = table.map(str::to_lowercase) else { return list.contains(&name) };
    let bare = table.rsplit('.').next().unwrap_or_default();
    list.contains(&name)
        || list.contains(&format!("{table}.{name}"))
        || list.contains(&format!("{bare}.{name}"))
}

fn entity_of(table: Option<&str>, name: &str) -> Option<Entity> {
    let words = words_of(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.first().is_some_and(|first| ABOUT.contains(first)) {
        return None;
    }
    while words.len() > 1 && words.last().is_some_and(|last| FORMS.contains(last)) {
        words.pop();
    }
    if words.as_slice() == ["name"] && table.is_some_and(is_of_persons) {
        return Some(Entity::Person);
    }
    // The longest ending decides: `ip_address` before `address`.
    (0..words.len().min(4)).rev().find_map(|back| {
        let (before, ending) = words.split_at_checked(words.len() - back - 1)?;
        let ending = ending.join("_");
        let entity = ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, entity)| *entity)?;
        let other =
            entity == Entity::Location && before.last().is_some_and(|word| OTHER_ADDRESSES.contains(word));
        (!other).then_some(entity)
    })
}

fn is_of_persons(table: &str) -> bool {
    let words = words_of(table.rsplit('.').next().unwrap_or_default());
    words
        .last()
        .is_some_and(|last| PERSONS.iter().any(|word| last == word || last.strip_suffix('s') == Some(word)))
}

/// The words of `home_address2`, `homeAddress`, `Home-Address`, in lower case and without numbers at the end.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for character in name.chars() {
        let breaks = character.is_uppercase() && previous.is_lowercase();
        if !character.is_alphanumeric() || breaks {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    if words.len() > 1
        && words.last().is_some_and(|last| last.chars().all(|character| character.is_ascii_digit()))
    {
        words.pop();
    }
    if let Some(last) = words.last_mut()
        && !matches!(last.as_str(), "last4" | "cvv2")
    {
        let bare = last.trim_end_matches(|character: char| character.is_ascii_digit());
        if bare.len() >= 3 {
            *last = bare.to_owned();
        }
    }
    words
}
