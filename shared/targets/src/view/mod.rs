//! Views: stored JSON lines as text, JSON or CSV.
//!
//! All are pure functions of one [`Page`], so output is shown page by page without reading it all.
//!
//! | view | pages joined |
//! |---|---|
//! | text | one after the other; a page that starts in the middle repeats the header |
//! | JSON | each page is one valid JSON document |
//! | CSV | joined byte by byte they are the whole; a header is written where a result begins |

mod csv;
mod json;
mod notices;
mod page;
mod text;
mod visible;

pub use self::csv::csv;
pub use self::json::{SetView, json};
pub use self::notices::notices;
pub use self::page::{Fate, Page, PageStart};
pub use self::text::{numeric, text};
pub use self::visible::visible;
