//! Whole files, read back with the record reader of the parquet crate.

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn schema(columns: &[(&str, &str)]) -> Schema {
    let columns: Vec<_> =
        columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    Schema::parse(&columns).unwrap()
}

fn converter(columns: &[(&str, &str)]) -> Converter {
    Converter::new(&schema(columns), &OpenX::default(), Compression::Snappy).unwrap()
}

fn reader(file: Vec<u8>) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(file)).unwrap()
}

/// The file's rows as JSON.
fn rows(file: Vec<u8>) -> Vec<Value> {
    let reader = reader(file);
    reader.get_row_iter(None).unwrap().map(|row| row_json(&row.unwrap())).collect()
}

fn row_json(row: &Row) -> Value {
    row.get_column_iter().map(|(name, field)| (name.clone(), field_json(field))).collect()
}

fn field_json(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => json!(value),
        Field::Byte(value) => json!(value),
        Field::Short(value) => json!(value),
        Field::Int(value) | Field::Date(value) => json!(value),
        Field::Long(value) | Field::TimestampMillis(value) => json!(value),
        Field::Float(value) => json!(value),
        Field::Double(value) => json!(value),
        Field::Str(value) => json!(value),
        Field::Bytes(value) => json!(value.data()),
        Field::Decimal(value) => json!(decimal_text(value)),
        Field::Group(row) => row_json(row),
        Field::ListInternal(list) => list.elements().iter().map(field_json).collect(),
        Field::MapInternal(map) => map
            .entries()
            .iter()
            .map(|(key, value)| (field_json(key).as_str().unwrap().to_owned(), field_json(value)))
            .collect(),
        other => panic!("no column has {other:?}"),
    }
}

/// The unscaled digits and the scale.
fn decimal_text(decimal: &Decimal) -> String {
    let negative = decimal.data().first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1_i128 } else { 0 };
    let unscaled = decimal.data().iter().fold(start, |number, byte| number << 8 | i128::from(*byte));
    format!("{unscaled}e-{}", decimal.scale())
}

/// One column, one document, one value read back.
fn check(kind: &str, json: &str, expected: &Value) {
    let mut converter = converter(&[("c", kind)]);
    assert_eq!(converter.push(format!("{{\"c\":{json}}}").as_bytes()), Ok(1), "{json} as {kind}");
    assert_eq!(&rows(converter.finish().unwrap())[0]["c"], expected, "{json} as {kind}");
}

fn check_refused(kind: &str, json: &str) {
    let mut converter = converter(&[("c", kind)]);
    let error = converter.push(format!("{{\"c\":{json}}}").as_bytes()).unwrap_err();
    assert_eq!(error.code(), "DataFormatConversion.MalformedData", "{json} as {kind}");
    assert_eq!(converter.rows(), 0);
}

#[test]
fn every_scalar_reads_back() {
    check("boolean", "true", &json!(true));
    check("tinyint", "-128", &json!(-128));
    check("smallint", "32767", &json!(32_767));
    check("int", "-2147483648", &json!(-2_147_483_648));
    check("bigint", "9223372036854775807", &json!(9_223_372_036_854_775_807_i64));
    check("float", "0.5", &json!(0.5));
    check("double", "0.1", &json!(0.1));
    check("decimal(4,2)", "12.3", &json!("1230e-2"));
    check("decimal(18,8)", "-0.00000001", &json!("-1e-8"));
    check(
        "decimal(38,10)",
        "1234567890123456789012345678.0123456789",
        &json!("12345678901234567890123456780123456789e-10"),
    );
    check("string", r#""äß€""#, &json!("äß€"));
    check("varchar(3)", r#""abc""#, &json!("abc"));
    check("char(3)", r#""ab""#, &json!("ab"));
    check("binary", r#""AAH/""#, &json!([0, 1, 255]));
    check("date", r#""2017-02-07""#, &json!(17_204));
    check("timestamp", r#""2017-02-07T15:13:01.39256Z""#, &json!(1_486_480_381_392_i64));
    check("timestamp", "1518033528", &json!(1_518_033_528_000_i64));
    check("timestamp", "1518033528123", &json!(1_518_033_528_123_i64));
}

#[test]
fn numeric_strings_are_numbers() {
    check("bigint", r#""42""#, &json!(42));
    check("bigint", "42.0", &json!(42));
    check("double", r#""1.5""#, &json!(1.5));
    check("decimal(4,2)", r#""12.34""#, &json!("1234e-2"));
    check("timestamp", r#""1518033528""#, &json!(1_518_033_528_000_i64));
}

#[test]
fn what_is_none_of_the_type_is_refused() {
    for (kind, json) in [
        ("bigint", "1.5"),
        ("bigint", r#""abc""#),
        ("bigint", "9223372036854775808"),
        ("bigint", "true"),
        ("double", r#""oops""#),
        ("double", "1e400"),
        ("decimal(4,2)", "12.345"),
        ("decimal(4,2)", "123.4"),
        ("timestamp", "1518033528123456"),
        ("timestamp", r#""2017-02-07T15:13:01+00:00""#),
        ("timestamp", "true"),
        ("boolean", "1"),
        ("varchar(2)", r#""abc""#),
        ("binary", r#""!""#),
        ("map<string,int>", "[1]"),
        ("struct<a:int>", "42"),
        ("array<int>", r#"[1,"x"]"#),
    ] {
        check_refused(kind, json);
    }
}

#[test]
fn a_timestamp_keeps_its_nanoseconds() {
    let mut converter = converter(&[("c", "timestamp")]);
    converter.push(br#"{"c":"1970-01-02 00:00:05.000000001"}"#).unwrap();
    let reader = reader(converter.finish().unwrap());
    let ColumnReader::Int96ColumnReader(mut column) =
        reader.get_row_group(0).unwrap().get_column_reader(0).unwrap()
    else {
        panic!("a timestamp is INT96");
    };
    let mut values = Vec::new();
    column.read_records(1, Some(&mut Vec::new()), None, &mut values).unwrap();
    // 5,000,000,001 ns = 1 * 2^32 + 705,032,705, of the Julian day 2,440,589.
    assert_eq!(values[0].data(), [705_032_705, 1, 2_440_589]);
}

#[test]
fn levels_of_a_book_read_back() {
    let kind = "array<struct<price:double,quantity:double>>";
    check(
        kind,
        r#"[{"price":1.5,"quantity":2},{"quantity":3.25,"price":4}]"#,
        &json!([
            {"price": 1.5, "quantity": 2.0},
            {"price": 4.0, "quantity": 3.25},
        ]),
    );
    check(kind, "[]", &json!([]));
    check(kind, "null", &json!(null));
    check(kind, "[null]", &json!([null]));
    check(
        kind,
        r#"[{"price":1},null,{}]"#,
        &json!([{"price": 1.0, "quantity": null}, null, {"price": null, "quantity": null}]),
    );
}

#[test]
fn nested_lists_and_maps_read_back() {
    for json in ["[[1,2],[],null,[null,3]]", "[]", "null", "[[]]", "[null]", "[[null]]"] {
        check("array<array<bigint>>", json, &serde_json::from_str(json).unwrap());
    }
    for json in [r#"{"k":[1,null],"l":[],"m":null}"#, "{}", "null"] {
        check("map<string,array<int>>", json, &serde_json::from_str(json).unwrap());
    }
    for json in
        [r#"{"a":{"b":{"x":1}}}"#, r#"{"a":{"b":{}}}"#, r#"{"a":{"b":null}}"#, r#"{"a":null}"#, "null"]
    {
        check("struct<a:struct<b:map<string,int>>>", json, &serde_json::from_str(json).unwrap());
    }
}

#[test]
fn coercions_of_the_service_are_kept() {
    check("array<int>", "7", &json!([7]));
    check("array<struct<a:int>>", r#"{"a":1}"#, &json!([{"a": 1}]));
    check("struct<name:string,age:int>", r#"["Zoe",9,"ignored"]"#, &json!({"name": "Zoe", "age": 9}));
    check("struct<name:string,age:int>", r#"["Zoe"]"#, &json!({"name": "Zoe", "age": null}));
    check("map<string,int>", r#"{"MixedKey":1}"#, &json!({"mixedkey": 1}));
    check("string", r#"{"A": [1, 2]}"#, &json!(r#"{"a":[1,2]}"#));
}

#[test]
fn of_keys_that_differ_in_case_the_last_one_wins() {
    let mut converter =
        converter(&[("e", "bigint"), ("s", "struct<q:array<int>>"), ("m", "map<string,int>")]);
    converter.push(br#"{"e":1,"E":2,"s":{"q":[1,2],"Q":[3]},"m":{"a":1,"b":2,"A":3}}"#).unwrap();
    converter.push(br#"{"E":1,"e":null,"S":{"Q":[1]},"s":{"q":null}}"#).unwrap();
    converter.push(br#"{"E":3,"s":{"q":[4]}}"#).unwrap();
    assert_eq!(
        rows(converter.finish().unwrap()),
        [
            json!({"e": 2, "s": {"q": [3]}, "m": {"a": 3, "b": 2}}),
            json!({"e": null, "s": {"q": null}, "m": null}),
            json!({"e": 3, "s": {"q": [4]}, "m": null}),
        ]
    );
}

#[test]
fn case_can_matter() {
    let settings = OpenX {
        case_insensitive: false,
        column_to_json_key_mappings: [("event_time".to_owned(), "E".to_owned())].into(),
        ..OpenX::default()
    };
    let table = schema(&[("e", "string"), ("event_time", "bigint")]);
    let mut converter = Converter::new(&table, &settings, Compression::Uncompressed).unwrap();
    converter.push(br#"{"e":"trade","E":5,"event_time":6,"EVENT_TIME":7}"#).unwrap();
    assert_eq!(rows(converter.finish().unwrap()), [json!({"e": "trade", "event_time": 5})]);
}

#[test]
fn dots_become_underscores_when_told_to() {
    let settings = OpenX { convert_dots_in_json_keys_to_underscores: true, ..OpenX::default() };
    let table = schema(&[("a_b", "int")]);
    let mut told = Converter::new(&table, &settings, Compression::Gzip).unwrap();
    told.push(br#"{"A.b":1}"#).unwrap();
    assert_eq!(rows(told.finish().unwrap()), [json!({"a_b": 1})]);
    let mut untold = converter(&[("a_b", "int")]);
    untold.push(br#"{"a.b":1}"#).unwrap();
    assert_eq!(rows(untold.finish().unwrap()), [json!({"a_b": null})]);
}

#[test]
fn two_columns_cannot_read_one_key() {
    let settings = OpenX {
        column_to_json_key_mappings: [("ts".to_owned(), "Time".to_owned())].into(),
        ..OpenX::default()
    };
    let error = Converter::new(&schema(&[("time", "int"), ("ts", "int")]), &settings, Compression::Snappy)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "columns `time` and `ts` must read different JSON keys, both read \"time\""
    );
}

#[test]
fn attributes_outside_the_table_vanish() {
    let mut converter = converter(&[("a", "int")]);
    converter.push(br#"{"x":[{"a":9}],"a":1,"y":{"z":null}}"#).unwrap();
    converter.push(br#"{"x":"only"}"#).unwrap();
    assert_eq!(rows(converter.finish().unwrap()), [json!({"a": 1}), json!({"a": null})]);
}

#[test]
fn a_record_holds_several_documents() {
    let mut converter = converter(&[("a", "int")]);
    assert_eq!(converter.push(b"{\"a\":1}{\"a\":2}\n{\"a\":3}\r\n\n"), Ok(3));
    assert_eq!(converter.rows(), 3);
    assert_eq!(rows(converter.finish().unwrap()), [json!({"a": 1}), json!({"a": 2}), json!({"a": 3})]);
}

#[test]
fn a_record_becomes_rows_whole_or_not_at_all() {
    let columns = [("a", "int"), ("list", "array<struct<x:int>>"), ("late", "string")];
    let mut converter = converter(&columns);
    converter.push(br#"{"a":1}"#).unwrap();
    let bytes = converter.buffered_bytes();
    for record in [
        r#"{"a":2,"list":[{"x":1}],"late":"s"}{"a":"oops"}"#,
        r#"{"a":2,"list":[{"x":1},{"x":"oops"}]}"#,
        r#"{"a":2}{"list":[{"x":1}],"A":3,"late":"s","a":"oops"}"#,
        r#"{"a":2}{"a":3"#,
        r#"{"a":2} [{"a":3}]"#,
    ] {
        assert!(converter.push(record.as_bytes()).is_err(), "{record}");
        assert_eq!((converter.rows(), converter.buffered_bytes()), (1, bytes), "{record}");
    }
    converter.push(br#"{"late":"t","list":[{"x":4}]}"#).unwrap();
    assert_eq!(
        rows(converter.finish().unwrap()),
        [json!({"a": 1, "list": null, "late": null}), json!({"a": null, "list": [{"x": 4}], "late": "t"})]
    );
}

fn check_error(record: &[u8], code: &str, message: &str) {
    let error = converter(&[("a", "int"), ("b", "struct<c:array<double>>")]).push(record).unwrap_err();
    assert_eq!((error.code(), error.message().as_str()), (code, message));
}

#[test]
fn errors_carry_the_codes_of_firehose() {
    const PARSE: &str = "DataFormatConversion.ParseError";
    const MALFORMED: &str = "DataFormatConversion.MalformedData";
    check_error(b"", MALFORMED, "The record was empty or contained only whitespace.");
    check_error(b" \n", MALFORMED, "The record was empty or contained only whitespace.");
    check_error(b"this is not json", PARSE, "Encountered malformed JSON. expected a JSON value at byte 0");
    check_error(b"{\"a\":1", PARSE, "Encountered malformed JSON. expected `,` or `}` at byte 6");
    check_error(
        b"{\"a\":\"\xff\"}",
        PARSE,
        "Encountered malformed JSON. expected UTF-8, was none from byte 6 on",
    );
    check_error(
        b"[{\"a\":1}]",
        MALFORMED,
        "Data does not match the schema. expected a JSON object at the top level, was [{\"a\":1}]",
    );
    check_error(
        b"42",
        MALFORMED,
        "Data does not match the schema. expected a JSON object at the top level, was 42",
    );
    check_error(
        br#"{"B":{"C":[1,"oops"]}}"#,
        MALFORMED,
        "Data does not match the schema. `b.c` must be a value of type double, was \"oops\"",
    );
    check_error(
        br#"{"a":"oops"}{"#,
        PARSE,
        "Encountered malformed JSON. expected a key in quotes at byte 13",
    );
}

#[test]
fn an_error_quotes_the_beginning_of_a_value() {
    let record = format!("{{\"a\":\"{}\"}}", "é".repeat(1000));
    let error = converter(&[("a", "int")]).push(record.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), format!("`a` must be a value of type int, was \"{}...", "é".repeat(63)));
}

#[test]
fn row_groups_are_bounded() {
    let mut converter = converter(&[("a", "bigint"), ("b", "array<int>")]);
    converter.row_group_bytes_max = 1000;
    for number in 0..500 {
        converter.push(format!("{{\"a\":{number},\"b\":[{number}]}}").as_bytes()).unwrap();
    }
    assert_eq!(converter.rows(), 500);
    let file = converter.finish().unwrap();
    let groups = reader(file.clone()).metadata().num_row_groups();
    assert!((5..50).contains(&groups), "{groups} row groups");
    let expected: Vec<_> = (0..500).map(|number| json!({"a": number, "b": [number]})).collect();
    assert_eq!(rows(file), expected);
}

#[test]
fn a_file_may_have_no_rows() {
    assert_eq!(rows(converter(&[("a", "int")]).finish().unwrap()), [json!(null); 0]);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let file = || {
        let mut converter = converter(&[("a", "string"), ("b", "double")]);
        converter.push(br#"{"a":"x","b":1}{"a":"y"}{"b":2}"#).unwrap();
        converter.finish().unwrap()
    };
    assert_eq!(file(), file());
    let metadata = reader(file());
    assert_eq!(metadata.metadata().file_metadata().created_by(), Some("tapeline"));
}

/// A table with every way of nesting; the documents below are its rows, nulls written out.
const MIXED: [(&str, &str); 8] = [
    ("id", "bigint"),
    ("price", "double"),
    ("name", "string"),
    ("is_closed", "boolean"),
    ("levels", "array<struct<price:double,quantity:smallint>>"),
    ("grid", "array<array<bigint>>"),
    ("tags", "map<string,array<string>>"),
    ("deep", "struct<a:struct<b:array<struct<c:map<string,tinyint>>>>,d:float>"),
];

fn nullable(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 3 => value].boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    nullable(prop::collection::vec(element, 0..4).prop_map(Value::from))
}

fn object<const N: usize>(fields: [(&'static str, BoxedStrategy<Value>); N]) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let pairs = move |values: Vec<Value>| names.iter().map(|name| (*name).to_owned()).zip(values).collect();
    nullable(values.prop_map(pairs))
}

fn map(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let entries = prop::collection::btree_map("[a-z]{0,3}", value, 0..4);
    nullable(entries.prop_map(|entries| entries.into_iter().collect()))
}

fn document() -> impl Strategy<Value = Value> {
    let double = || nullable((-1e300..1e300_f64).prop_map(Value::from));
    let deep = object([("b", list(object([("c", map(nullable(any::<i8>().prop_map(Value::from))))])))]);
    (
        nullable(any::<i64>().prop_map(Value::from)),
        double(),
        nullable(any::<String>().prop_map(Value::from)),
        nullable(any::<bool>().prop_map(Value::from)),
        list(object([("price", double()), ("quantity", nullable(any::<i16>().prop_map(Value::from)))])),
        list(list(nullable(any::<i64>().prop_map(Value::from)))),
        map(list(nullable(any::<String>().prop_map(Value::from)))),
        object([("a", deep), ("d", nullable(any::<i16>().prop_map(|number| json!(f32::from(number) / 4.0))))]),
    )
        .prop_map(|(id, price, name, is_closed, levels, grid, tags, deep)| {
            json!({"id": id, "price": price, "name": name, "is_closed": is_closed, "levels": levels, "grid": grid,
                "tags": tags, "deep": deep})
        })
}

/// The document without its nulls in objects: absent and null are the same to a row.
fn without_nulls(document: &Value) -> Value {
    match document {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        other => other.clone(),
    }
}

/// As [`without_nulls`], at the top only: below, an absent entry of a map is not a null one.
fn top_without_nulls(document: &Value) -> Value {
    let fields = document.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_documents_read_back(
        documents in prop::collection::vec((document(), any::<bool>()), 0..30),
        row_group_bytes_max in 1_usize..4000,
    ) {
        let mut converter = converter(&MIXED);
        converter.row_group_bytes_max = row_group_bytes_max;
        for (document, leaves_out_nulls) in &documents {
            let written = if *leaves_out_nulls { top_without_nulls(document) } else { document.clone() };
            prop_assert_eq!(converter.push(written.to_string().as_bytes()), Ok(1));
            // A record that fails on its second document leaves nothing behind.
            let failing = format!("{written}{{\"grid\":[[1],[\"x\"]]}}");
            prop_assert!(converter.push(failing.as_bytes()).is_err());
        }
        let expected: Vec<_> = documents.into_iter().map(|(document, _)| document).collect();
        prop_assert_eq!(rows(converter.finish().unwrap()), expected);
    }

    #[test]
    fn absent_fields_of_a_struct_are_null(documents in prop::collection::vec(document(), 1..10)) {
        let columns = [("levels", "array<struct<price:double,quantity:smallint>>")];
        let mut converter = converter(&columns);
        for document in &documents {
            let levels: Value = match &document["levels"] {
                Value::Array(levels) => levels.iter().map(without_nulls).collect(),
                other => other.clone(),
            };
            converter.push(json!({"levels": levels}).to_string().as_bytes()).unwrap();
        }
        let expected: Vec<_> = documents.iter().map(|document| json!({"levels": document["levels"]})).collect();
        prop_assert_eq!(rows(converter.finish().unwrap()), expected);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(records in prop::collection::vec(r#"[\[\]{}":,a-d0-2.\- nul]{0,40}"#, 0..20)) {
        let mut converter = converter(&[("a", "int"), ("b", "array<struct<c:double>>"), ("d", "map<string,string>")]);
        let mut expected = 0;
        for record in &records {
            expected += converter.push(record.as_bytes()).unwrap_or(0);
        }
        prop_assert_eq!(rows(converter.finish().unwrap()).len(), expected);
    }
}
