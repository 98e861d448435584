//! The conversion of JSON to Parquet: `DataFormatConversionConfiguration` of a delivery stream.
//!
//! ORC is refused: the one maintained crate that writes it, `orc-rust`, has no lists, structs or decimals yet.

use std::collections::BTreeMap;

use super::error::Fault;
use super::table::GlueTable;
use super::value::Property;

/// Properties of a schema that are read, or that change nothing here.
const SCHEMA_KNOWN: [&str; 6] = ["CatalogId", "DatabaseName", "Region", "RoleARN", "TableName", "VersionId"];

/// Properties of the Parquet writer that are read, or that only say how the file is laid out.
const PARQUET_KNOWN: [&str; 6] = [
    "BlockSizeBytes",
    "Compression",
    "EnableDictionaryCompression",
    "MaxPaddingBytes",
    "PageSizeBytes",
    "WriterVersion",
];

/// Conversion of JSON to Parquet by a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// The table.
    pub(crate) table: GlueTable,
    /// How JSON is read.
    pub(crate) open_x: OpenX,
    /// Compression of the pages.
    pub(crate) compression: ParquetCompression,
}

/// Settings of `OpenXJsonSerDe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenX {
    /// Whether keys are folded to lower case: true when the template says nothing.
    pub(crate) case_insensitive: bool,
    /// Whether a point in a key stands for an underscore in a column: false when the template says nothing.
    pub(crate) convert_dots_in_json_keys_to_underscores: bool,
    /// Key of the JSON document by column.
    pub(crate) column_to_json_key_mappings: BTreeMap<String, String>,
}

/// `ParquetSerDe.Compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParquetCompression {
    /// `UNCOMPRESSED`.
    Uncompressed,
    /// `GZIP`.
    Gzip,
    /// `SNAPPY`, the default.
    Snappy,
}

/// Reads the conversion, when it is enabled.
pub(super) fn read(configuration: &Property<'_>, tables: &[GlueTable]) -> Result<Option<Conversion>, Fault> {
    if !configuration.exists() || !configuration.get("Enabled").flag()?.unwrap_or(true) {
        return Ok(None);
    }
    let deserializer = configuration.get("InputFormatConfiguration").get("Deserializer");
    let hive = deserializer.get("HiveJsonSerDe");
    if hive.exists() {
        return Err(hive.unsupported("HiveJsonSerDe (OpenXJsonSerDe is)"));
    }
    deserializer.only(&["OpenXJsonSerDe"])?;
    let serializer = configuration.get("OutputFormatConfiguration").get("Serializer");
    let orc = serializer.get("OrcSerDe");
    if orc.exists() {
        return Err(orc.unsupported("ORC (ParquetSerDe is)"));
    }
    serializer.only(&["ParquetSerDe"])?;
    Ok(Some(Conversion {
        table: table(&configuration.get("SchemaConfiguration"), tables)?,
        open_x: open_x(&present(deserializer.get("OpenXJsonSerDe"))?)?,
        compression: compression(&present(serializer.get("ParquetSerDe"))?)?,
    }))
}

/// What must be there, if only as an empty map.
fn present(place: Property<'_>) -> Result<Property<'_>, Fault> {
    if place.exists() { Ok(place) } else { Err(place.expected("a map")) }
}

/// How JSON is read.
fn open_x(settings: &Property<'_>) -> Result<OpenX, Fault> {
    settings.only(&["CaseInsensitive", "ColumnToJsonKeyMappings", "ConvertDotsInJsonKeysToUnderscores"])?;
    let mappings = settings.get("ColumnToJsonKeyMappings").entries()?.into_iter();
    let mappings = mappings.map(|(column, key)| Ok((column.to_owned(), key.required_text()?.to_owned())));
    let dots = settings.get("ConvertDotsInJsonKeysToUnderscores").flag()?;
    Ok(OpenX {
        case_insensitive: settings.get("CaseInsensitive").flag()?.unwrap_or(true),
        convert_dots_in_json_keys_to_underscores: dots.unwrap_or(false),
        column_to_json_key_mappings: mappings.collect::<Result<_, Fault>>()?,
    })
}

/// Compression of Parquet pages. The layout of the file is left to the writer: any reader gives the same rows.
fn compression(settings: &Property<'_>) -> Result<ParquetCompression, Fault> {
    settings.only(&PARQUET_KNOWN)?;
    let compression = settings.get("Compression");
    match compression.text()? {
        None | Some("SNAPPY") => Ok(ParquetCompression::Snappy),
        Some("GZIP") => Ok(ParquetCompression::Gzip),
        Some("UNCOMPRESSED") => Ok(ParquetCompression::Uncompressed),
        Some(_) => Err(compression.expected("one of UNCOMPRESSED, GZIP, SNAPPY")),
    }
}

/// The table that the schema comes from.
fn table(schema: &Property<'_>, tables: &[GlueTable]) -> Result<GlueTable, Fault> {
    schema.only(&SCHEMA_KNOWN)?;
    let version = schema.get("VersionId");
    if version.text()?.is_some_and(|version| version != "LATEST") {
        return Err(version.unsupported("an older version of the table"));
    }
    let database = schema.get("DatabaseName").required_text()?.to_lowercase();
    let name = schema.get("TableName");
    let wanted = name.required_text()?.to_lowercase();
    let table = tables.iter().find(|table| table.database == database && table.name == wanted);
    match table {
        Some(table) if table.columns.is_empty() => {
            Err(name.expected("a table whose columns the template has"))
        }
        Some(table) => Ok(table.clone()),
        None => Err(name.expected(format!("a table of this template in the database {database}"))),
    }
}
