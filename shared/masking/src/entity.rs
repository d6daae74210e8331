//! What is recognised, by the names that Presidio made common.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! entities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A kind of personal or secret data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Entity {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Entity {
            /// Every entity, in the order of their weight: where two overlap, the earlier gives the name.
            pub const ALL: &[Entity] = &[$(Entity::$variant,)*];

            /// Its name in policies, counts and masked text.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Entity::$variant => $name,)*
                }
            }
        }
    };
}

entities! {
    /// A private key in PEM form.
    PrivateKey = "PRIVATE_KEY",
    /// A signed JSON web token.
    Jwt = "JWT",
    /// An AWS access key id or secret access key.
    AwsKey = "AWS_KEY",
    /// A password, token or key: by its column or key name, or by its issuer's prefix.
    Secret = "SECRET",
    /// User and password within a URL.
    UrlCredentials = "URL_CREDENTIALS",
    /// A column that the policy names, or that is computed from such a column.
    MaskedColumn = "MASKED_COLUMN",
    /// A whole row in a database's message, whose columns are not told.
    Row = "ROW",
    /// A payment card number.
    CreditCard = "CREDIT_CARD",
    /// An international bank account number.
    Iban = "IBAN_CODE",
    /// A crypto currency address: Bitcoin or Ethereum.
    Crypto = "CRYPTO",
    /// An e-mail address.
    Email = "EMAIL_ADDRESS",
    /// A United States social security number.
    UsSsn = "US_SSN",
    /// A British NHS number.
    UkNhs = "UK_NHS",
    /// A Brazilian CPF.
    BrCpf = "BR_CPF",
    /// An Indian Aadhaar number.
    InAadhaar = "IN_AADHAAR",
    /// A Spanish NIF or NIE.
    EsNif = "ES_NIF",
    /// An Italian codice fiscale.
    ItFiscalCode = "IT_FISCAL_CODE",
    /// A Polish PESEL.
    PlPesel = "PL_PESEL",
    /// A United States passport number.
    UsPassport = "US_PASSPORT",
    /// A United States bank account number.
    UsBankNumber = "US_BANK_NUMBER",
    /// An IPv4 or IPv6 address.
    IpAddress = "IP_ADDRESS",
    /// A hardware address of a network card.
    MacAddress = "MAC_ADDRESS",
    /// A telephone number.
    PhoneNumber = "PHONE_NUMBER",
    /// A date of birth, by its column or key name.
    DateOfBirth = "DATE_OF_BIRTH",
    /// A person's name, by its column or key name.
    Person = "PERSON",
    /// A place where somebody lives, by its column or key name.
    Location = "LOCATION",
}

impl Entity {
    /// Never shown in part and never hashed: a part of a secret helps to guess the rest, and the
    /// hash of a weak password can be guessed by whoever holds the key.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(
            self,
            Entity::PrivateKey
                | Entity::Jwt
                | Entity::AwsKey
                | Entity::Secret
                | Entity::UrlCredentials
                | Entity::Row
        )
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no entity has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of the entities that can be masked, such as EMAIL_ADDRESS; `{0}` is none")]
pub struct UnknownEntity(String);

impl FromStr for Entity {
    type Err = UnknownEntity;

    fn from_str(name: &str) -> Result<Self, UnknownEntity> {
        Entity::ALL
            .iter()
            .copied()
            .find(|entity| entity.name() == name)
            .ok_or_else(|| UnknownEntity(name.to_owned()))
    }
}

/// A set of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntitySet(u32);

impl EntitySet {
    /// The entities of a policy; none named means all.
    pub(crate) fn of(entities: &[Entity]) -> EntitySet {
        if entities.is_empty() {
            return EntitySet(u32::MAX);
        }
        // What the policy names by column is masked whatever the entities are, and so is a row
        // that may hold any of them.
        let always = [Entity::MaskedColumn, Entity::Row];
        EntitySet(entities.iter().chain(&always).fold(0, |bits, entity| bits | 1 << (*entity as u32)))
    }

    pub(crate) fn has(self, entity: Entity) -> bool {
        self.0 & 1 << (entity as u32) != 0
    }
}
