//! Tables of the template: `AWS::Glue::Table`.

use super::Resource;
use super::error::Fault;
use super::scope::Scope;
use super::value::Property;

/// Where the files are and what reads them: they change nothing here and may refer to anything.
const MAY_REFER_TO_ANYTHING: [&str; 6] =
    ["CatalogId", "Description", "Location", "OpenTableFormatInput", "Parameters", "SerdeInfo"];

/// A table whose columns are the schema of a format conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlueTable {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name of its database.
    pub(crate) database: String,
    /// Its name.
    pub(crate) name: String,
    /// Columns of the files, in the order of the template. None when others than the template know them.
    pub(crate) columns: Vec<GlueColumn>,
    /// Columns whose values stand in the path of an object, not in the file.
    pub(crate) partition_keys: Vec<GlueColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlueColumn {
    /// Its name.
    pub(crate) name: String,
    /// Its type in Hive's language, unread.
    pub(crate) hive_type: String,
    /// Line in the template, for errors about the type.
    pub(crate) line: usize,
}

/// Reads a table.
pub(super) fn read(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<GlueTable, Fault> {
    let path = resource.path();
    let value = scope.evaluate_except(resource.properties()?, &path, &MAY_REFER_TO_ANYTHING)?;
    let value = value.ok_or_else(|| Fault::invalid((resource.node.line, &path), "a map", "nothing"))?;
    let properties = Property::new(path, &value);
    let input = properties.get("TableInput");
    Ok(GlueTable {
        logical_id: resource.logical_id.to_owned(),
        database: properties.get("DatabaseName").required_text()?.to_lowercase(),
        name: input.get("Name").required_text()?.to_lowercase(),
        columns: read_columns(&input.get("StorageDescriptor").get("Columns"))?,
        partition_keys: read_columns(&input.get("PartitionKeys"))?,
    })
}

/// Reads a list of columns.
fn read_columns(columns: &Property<'_>) -> Result<Vec<GlueColumn>, Fault> {
    let column = |column: Property<'_>| {
        Ok(GlueColumn {
            name: column.get("Name").required_text()?.to_owned(),
            hive_type: column.get("Type").required_text()?.to_owned(),
            line: column.line,
        })
    };
    columns.items()?.into_iter().map(column).collect()
}
