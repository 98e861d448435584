//! Reads JSON text by pull, borrowed from the input, without building a tree.
//!
//! Both borders of the pipeline read JSON whose shape they know: the Lambda event around the records and the
//! exchange's frame inside each of them. A [`Cursor`] walks such text once: it checks the grammar of RFC 8259 in
//! full, allocates nothing, and hands out every value as the slice in which it stands ([`Value`]), so digits stay
//! digits until somebody asks for a number. A document may be followed by more text: where it ends is the
//! cursor's to say, which is what framing of concatenated documents needs.
//!
//! Why not `serde_json`: its derived readers cannot leave a value as text without a second scan (`RawValue`),
//! report no position for the caller's own refusals, and fail a whole event for one odd field. The tests hold this
//! reader to `serde_json`: both accept the same texts and read the same strings.

mod cursor;
mod foreseen;
mod scan;
mod shape;
mod utf8;
mod value;
mod write;

pub use cursor::{Array, Cursor, JsonError, Object};
pub use foreseen::Foreseen;
pub use scan::DEPTH_MAX;
pub use shape::Shape;
pub use utf8::utf8;
pub use value::{Text, Value, fixed_point};
pub use write::{write_content, write_string};
