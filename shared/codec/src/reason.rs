//! The codes under which refusals and drops are logged and counted.

use std::fmt;

macro_rules! codes {
    ($(#[$enum_doc:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it is logged and counted.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a record was refused (`ProcessingFailed`). Its bytes are kept by the delivery stream's error prefix.
    Reason {
        /// The record's data is no base64, or absent.
        BadBase64 = "bad_base64",
        /// A gzip stream that does not decompress.
        BadGzip = "bad_gzip",
        /// A zstd stream that does not decompress.
        BadZstd = "bad_zstd",
        /// Decompresses to more than a record may hold.
        ExpansionLimit = "expansion_limit",
        /// An aggregated record that contradicts itself.
        BadKpl = "bad_kpl",
        /// No JSON, or not the shape of a frame.
        BadJson = "bad_json",
        /// An event type (or interval) that no decoder knows.
        UnknownEvent = "unknown_event",
        /// No symbol in the frame or its stream name, or one that keys cannot carry.
        NoSymbol = "no_symbol",
        /// A documented field is absent.
        MissingField = "missing_field",
        /// A price or quantity that is no plain decimal.
        BadDecimal = "bad_decimal",
        /// An id, count, flag or list that is none.
        BadNumber = "bad_number",
        /// A time outside of 1970 to 9999.
        BadTime = "bad_time",
        /// More frames in one record than are taken.
        TooManyFrames = "too_many_frames",
        /// Frames of different partitions in one record.
        MixedPartition = "mixed_partition",
        /// A symbol that no partition path can carry.
        BadPartition = "bad_partition",
        /// More than one frame in a record of a format that holds one.
        ManyDocuments = "many_documents",
        /// The answer would exceed what Lambda accepts.
        ResponseTooLarge = "response_too_large",
        /// A frame in the exchange's binary encoding.
        SbeUnsupported = "sbe_unsupported",
    }
}

codes! {
    /// Why a frame was left out on purpose (`Dropped`).
    DropReason {
        /// A control message of the exchange: a reply, an error, an announced shutdown.
        Control = "control",
        /// Not among the kinds or symbols asked for.
        Filtered = "filtered",
        /// A kline of a bar that is still open.
        OpenKline = "open_kline",
        /// An aggregate trade that the exchange took back.
        Invalidated = "invalidated",
        /// Nothing in the record.
        Empty = "empty",
    }
}
