//! The documents of a text: one after another, or in arrays.

use tapeline_json::Cursor;

use super::{FRAMES_MAX, FramingError};

/// Steps through the JSON documents of a text: JSON Lines, concatenated, or the elements of top-level arrays.
#[derive(Debug)]
pub struct Documents<'a> {
    cursor: Cursor<'a>,
    place: Place,
    found: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    TopLevel,
    ArrayStart,
    Array,
}

impl<'a> Documents<'a> {
    /// Starts at the beginning of a text.
    pub const fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text), place: Place::TopLevel, found: 0 }
    }

    /// Steps to the next document; `None` after the last. Read exactly one value from the cursor it gives.
    ///
    /// # Errors
    /// When an array is not well formed, or there are more than [`FRAMES_MAX`] documents.
    pub fn step(&mut self) -> Result<Option<&mut Cursor<'a>>, FramingError> {
        if !self.find()? {
            return Ok(None);
        }
        self.found += 1;
        if self.found > FRAMES_MAX {
            return Err(FramingError::Frames);
        }
        Ok(Some(&mut self.cursor))
    }

    fn find(&mut self) -> Result<bool, FramingError> {
        loop {
            match self.place {
                Place::TopLevel if self.cursor.eat(b'[') => self.place = Place::ArrayStart,
                Place::TopLevel => return Ok(self.cursor.peek().is_some()),
                Place::ArrayStart | Place::Array if self.cursor.eat(b']') => self.place = Place::TopLevel,
                Place::ArrayStart => {
                    self.place = Place::Array;
                    return Ok(true);
                }
                Place::Array if self.cursor.eat(b',') => return Ok(true),
                Place::Array => return Err(self.cursor.error("`,` or `]`").into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Result<Vec<&str>, FramingError> {
        let mut documents = Documents::new(text);
        let mut found = Vec::new();
        while let Some(cursor) = documents.step()? {
            found.push(cursor.value()?.raw());
        }
        Ok(found)
    }

    #[test]
    fn every_way_to_pack_documents_is_read() {
        for text in [
            "{\"a\":1}\n{\"a\":2}\n",
            "{\"a\":1}{\"a\":2}",
            "[{\"a\":1},{\"a\":2}]",
            " [ {\"a\":1} ]\r\n[{\"a\":2}]",
        ] {
            assert_eq!(documents(text).unwrap(), ["{\"a\":1}", "{\"a\":2}"]);
        }
        assert_eq!(documents("[]").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn a_broken_array_is_refused() {
        for text in ["[{} {}]", "[{},]", "[{}", "{},{}", "]"] {
            assert_eq!(documents(text).unwrap_err().reason(), crate::Reason::BadJson, "{text}");
        }
    }

    #[test]
    fn too_many_documents_are_refused() {
        assert_eq!(documents(&"{}".repeat(100_000)).unwrap().len(), 100_000);
        assert_eq!(documents(&"{}".repeat(100_001)).unwrap_err().reason(), crate::Reason::TooManyFrames);
    }
}
