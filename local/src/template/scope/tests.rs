//! Tests of the functions of a template.

use std::collections::BTreeMap;

use super::super::{parameters, yaml};
use super::*;

/// What the functions may refer to.
const AROUND: &str = "
Parameters:
  Market: { Type: String, Default: spot }
  Hosts: { Type: CommaDelimitedList, Default: 'a,b' }
Mappings:
  Sizes: { spot: { memory: 256 } }
Conditions:
  IsSpot: !Equals [!Ref Market, spot]
  IsBoth: !And [!Condition IsSpot, Condition: IsSpot]
  IsNot: { 'Fn::Not': [Condition: IsSpot] }
  IsEither: !Or [!Condition IsNot, !Condition IsSpot]
  Circle: !Not [!Condition Circle]
Resources:
  Frames: { Type: 'AWS::Kinesis::Stream', Properties: { Name: !Sub '${AWS::StackName}-frames' } }
  Raw: { Type: 'AWS::S3::Bucket' }
  Group: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: /x } }
  Odd: { Type: 'AWS::EC2::VPC' }
  Lost: { Type: 'AWS::SQS::Queue' }
  Alarm: { Type: 'AWS::SNS::Topic', Properties: { TopicName: alarm } }
  Search: { Type: 'AWS::OpenSearchService::Domain', Properties: { DomainName: search } }
  Key: { Type: 'AWS::KMS::Key' }
  State: { Type: 'AWS::DynamoDB::Table' }
  Snake: { Type: 'AWS::Kinesis::Stream', Properties: { Name: !Ref Snake } }
";

/// Evaluates `value`, which stands in line 24 of a template.
fn evaluate(value: &str) -> Result<Option<Data>, String> {
    let template = yaml::parse(&format!("{AROUND}Value: {value}\n")).unwrap();
    let scope = Scope::new(&template, parameters::resolve(&template, &BTreeMap::new()).unwrap());
    let value = scope.evaluate(template.get("Value").unwrap(), "Value");
    value.map(|value| value.map(|value| value.data)).map_err(|fault| fault.into_error("t.yaml").to_string())
}

/// `value` gives this text.
fn gives(value: &str, text: &str) {
    assert_eq!(evaluate(value), Ok(Some(Data::Text(text.to_owned()))), "{value}");
}

/// `value` is refused with a message that ends like this.
fn refuses(value: &str, message: &str) {
    let error = evaluate(value).unwrap_err();
    assert!(error.starts_with("t.yaml:24: ") && error.ends_with(message), "{value}: {error}");
}

#[test]
fn ref_gives_parameters_and_names() {
    gives("!Ref Market", "spot");
    gives("{ Ref: Market }", "spot");
    gives("!Ref AWS::Region", "us-east-1");
    gives("!Ref Frames", "tapeline-frames");
    gives("!Ref Raw", "tapeline-raw");
    gives("!Ref State", "tapeline-State");
    refuses("!Ref Nothing", "`Value.Ref` must be the name of a parameter or a resource, was Nothing");
}

#[test]
fn get_att_gives_arns() {
    gives("!GetAtt Frames.Arn", "arn:aws:kinesis:us-east-1:000000000000:stream/tapeline-frames");
    gives("{ 'Fn::GetAtt': [Raw, Arn] }", "arn:aws:s3:::tapeline-raw");
    gives("!GetAtt State.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/tapeline-State");
    gives("!GetAtt Group.Arn", "arn:aws:logs:us-east-1:000000000000:log-group:/x:*");
    refuses(
        "!GetAtt Odd.Arn",
        "a reference to Odd, which is of type AWS::EC2::VPC is not supported by the local run",
    );
    refuses(
        "!GetAtt Raw.DomainNam",
        "the attribute DomainNam of Raw (did you mean DomainName?) is not supported by the local run",
    );
}

#[test]
fn sub_fills_names_attributes_and_own_values() {
    gives("!Sub '${Market}/${Raw}/${!kind}/${AWS::AccountId}'", "spot/tapeline-raw/${kind}/000000000000");
    gives("!Sub '${Raw.Arn}/*'", "arn:aws:s3:::tapeline-raw/*");
    gives("!Sub ['${x}-${Market}', { x: !Ref Raw }]", "tapeline-raw-spot");
    gives("!Sub 'market/!{partitionKeyFromLambda:kind}/'", "market/!{partitionKeyFromLambda:kind}/");
    refuses("!Sub '${Market'", "`Value.Fn::Sub` must be closed: every ${ needs its }, was \"${Market\"");
}

#[test]
fn lists_are_joined_split_and_selected_from() {
    gives("!Join [ '-', [a, !Ref Market] ]", "a-spot");
    gives("!Join [ '-', !Ref Hosts ]", "a-b");
    gives("!Select [ 1, !Split [ '/', a/b/c ] ]", "b");
    gives("!Select [ 0, !Ref Hosts ]", "a");
    refuses("!Select [ 2, !Ref Hosts ]", "must be an index below 2, was \"2\"");
    refuses("!Split [ '', a ]", "must be a delimiter of at least one character, was none");
}

#[test]
fn mappings_are_read() {
    gives("!FindInMap [ Sizes, !Ref Market, memory ]", "256");
    refuses("!FindInMap [ Sizes, usdm, memory ]", "must be a path in Mappings, was \"Sizes.usdm.memory\"");
}

#[test]
fn conditions_choose() {
    gives("!If [ IsSpot, a, !ImportValue x ]", "a");
    gives("!If [ IsNot, a, b ]", "b");
    gives("!If [ IsBoth, a, b ]", "a");
    gives("!If [ IsEither, a, b ]", "a");
    refuses("!If [ Unknown, a, b ]", "must be the name of a condition, was \"Unknown\"");
}

#[test]
fn no_value_removes_the_property() {
    assert_eq!(evaluate("!Ref AWS::NoValue"), Ok(None));
    assert_eq!(evaluate("{ a: !If [ IsNot, x, !Ref AWS::NoValue ] }"), Ok(Some(Data::Map(Vec::new()))));
}

#[test]
fn circles_are_refused() {
    let message = "must be free of circles, was a reference that needs Snake itself";
    assert!(evaluate("!Ref Snake").unwrap_err().ends_with(message));
    assert!(evaluate("!If [ Circle, a, b ]").unwrap_err().contains("needs Conditions.Circle itself"));
}

#[test]
fn attributes_are_those_of_the_type() {
    gives("!GetAtt Raw.DomainName", "tapeline-raw.s3.amazonaws.com");
    gives("!GetAtt Raw.RegionalDomainName", "tapeline-raw.s3.us-east-1.amazonaws.com");
    gives("!Ref Lost", "https://sqs.us-east-1.amazonaws.com/000000000000/tapeline-Lost");
    gives("!GetAtt Lost.QueueName", "tapeline-Lost");
    gives("!GetAtt Lost.Arn", "arn:aws:sqs:us-east-1:000000000000:tapeline-Lost");
    gives("!Ref Alarm", "arn:aws:sns:us-east-1:000000000000:alarm");
    gives("!Sub '${Alarm.TopicName}'", "alarm");
    gives("!GetAtt Search.Arn", "arn:aws:es:us-east-1:000000000000:domain/search");
    gives("!GetAtt Search.DomainEndpoint", "search.us-east-1.es.amazonaws.com");
    gives("!GetAtt Key.Arn", "arn:aws:kms:us-east-1:000000000000:key/tapeline-Key");
    gives(
        "{ 'Fn::GetAtt': [Lost, !Join ['', [Queue, Url]]] }",
        "https://sqs.us-east-1.amazonaws.com/000000000000/tapeline-Lost",
    );
}

#[test]
fn pseudo_parameters_are_known() {
    gives(
        "!Ref AWS::StackId",
        "arn:aws:cloudformation:us-east-1:000000000000:stack/tapeline/00000000-0000-0000-0000-000000000000",
    );
    gives("!Sub '${AWS::Partition}.${AWS::URLSuffix}'", "aws.amazonaws.com");
    assert_eq!(evaluate("!Ref AWS::NotificationARNs"), Ok(Some(Data::List(Vec::new()))));
}

#[test]
fn maps_may_have_a_value_for_what_is_not_there() {
    gives("!FindInMap [ Sizes, usdm, memory, { DefaultValue: 512 } ]", "512");
    gives("!FindInMap [ Sizes, spot, memory, { DefaultValue: 512 } ]", "256");
    refuses("!FindInMap [ Sizes, spot ]", "must be a list of map, first and second key, was a list of 2");
}

#[test]
fn texts_are_encoded() {
    gives("!Base64 hello", "aGVsbG8=");
    gives("{ 'Fn::Base64': !Sub '${Market}' }", "c3BvdA==");
}

#[test]
fn a_function_stands_alone() {
    refuses("{ 'Fn::Sub': a, b: c }", "`Value.Fn::Sub` must be the only key of its map, was one of several");
}

#[test]
fn misspelt_names_are_told() {
    refuses("!Sbu x", "the function Fn::Sbu (did you mean Fn::Sub?) is not supported by the local run");
    refuses("!Reff x", "the function Fn::Reff (did you mean Ref?) is not supported by the local run");
    refuses("!Ref Marke", "must be the name of a parameter or a resource (did you mean Market?), was Marke");
    refuses(
        "!If [ IsSpott, a, b ]",
        "must be the name of a condition (did you mean IsSpot?), was \"IsSpott\"",
    );
}

#[test]
fn other_functions_are_refused() {
    refuses(
        "!ImportValue x",
        "`Value.Fn::ImportValue`: the function Fn::ImportValue is not supported by the local run",
    );
    refuses(
        "{ 'Fn::Transform': { Name: x } }",
        "the function Fn::Transform is not supported by the local run",
    );
    refuses("!Frobnicate x", "the function Fn::Frobnicate is not supported by the local run");
}
