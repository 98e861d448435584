//! Tests of functions.

use std::time::Duration;

use super::*;

#[test]
fn globals_stand_behind_the_function() {
    let text = "
Globals: { Function: { Runtime: provided.al2023, Timeout: 7, MemorySize: 512, Environment: { Variables: { A: 1, B: 2 } } } }
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Timeout: 9, Environment: { Variables: { B: 3 } } }
";
    let function = parse(text).unwrap().functions.remove(0);
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_secs(9), 512));
    assert_eq!((function.environment["A"].as_str(), function.environment["B"].as_str()), ("1", "3"));
    assert_eq!(function.name, "tapeline-Fn");
}

#[test]
fn a_function_must_be_built_by_cargo_lambda() {
    let error = parse(&SMALL.replace("rust-cargolambda", "makefile")).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.yaml:5: `Resources.Fn.Metadata.BuildMethod` must be rust-cargolambda, was \"makefile\""
    );
    let error = parse(&SMALL.replace("provided.al2023", "python3.13")).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.yaml:6: `Resources.Fn.Properties.Runtime`: the runtime python3.13 is not supported by the local run"
    );
    let error = parse(&SMALL.replace("Binary: fn", "Binary: ../fn")).unwrap_err().to_string();
    assert!(
        error.contains("`Resources.Fn.Metadata.BuildProperties.Binary` must be the name of a binary"),
        "{error}"
    );
}

/// The function of a template with these `Globals` and properties, in YAML's flow style.
fn function(globals: &str, properties: &str) -> Result<Function, String> {
    let text = format!(
        "Globals: {{ Function: {{ {globals} }} }}
Conditions: {{ Never: !Equals [a, b] }}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildMethod: rust-cargolambda, BuildProperties: {{ Binary: fn }} }}
    Properties: {{ Runtime: provided.al2023, {properties} }}
"
    );
    Ok(parse(&text).map_err(|error| error.to_string())?.functions.remove(0))
}

/// These properties are refused with this message.
fn refuses_function(properties: &str, message: &str) {
    assert_eq!(
        function("", properties).unwrap_err(),
        format!("t.yaml:7: `Resources.Fn.Properties.{message}")
    );
}

#[test]
fn functions_of_globals_and_of_the_function_are_not_merged() {
    // SAM treats an intrinsic function as one value: the function's own wins as a whole.
    let globals =
        "MemorySize: { 'Fn::If': [Never, 256, 512] }, Environment: { Variables: { A: !Ref AWS::Region } }";
    let function = function(globals, "MemorySize: { 'Fn::If': [Never, 128, 1024] }").unwrap();
    assert_eq!((function.memory_mb, function.environment["A"].as_str()), (1024, "us-east-1"));
}

#[test]
fn what_only_a_function_can_have_is_not_global() {
    let error = function("FunctionName: same", "Timeout: 1").unwrap_err();
    assert_eq!(
        error,
        "t.yaml:1: `Globals.Function.FunctionName` must be a property of each function, was \"same\""
    );
}

#[test]
fn concurrency_is_as_many_as_are_reserved() {
    assert_eq!(function("", "Timeout: 1").unwrap().reserved_concurrency, None);
    assert_eq!(function("", "ReservedConcurrentExecutions: 0").unwrap().reserved_concurrency, Some(0));
    refuses_function(
        "ReservedConcurrentExecutions: -1",
        "ReservedConcurrentExecutions` must be a number from 0 to 1000000, was \"-1\"",
    );
}

#[test]
fn properties_that_change_nothing_here_may_refer_to_anything() {
    let properties = "Role: !ImportValue role, Policies: [AWSLambdaExecute], VpcConfig: !ImportValue x, Tracing: Active, EphemeralStorage: { Size: 1024 }";
    function("Tags: { a: b }", properties).unwrap();
}

#[test]
fn properties_that_change_what_a_function_does_are_refused() {
    for name in
        ["Layers", "SnapStart", "FileSystemConfigs", "FunctionUrlConfig", "InlineCode", "EventInvokeConfig"]
    {
        refuses_function(
            &format!("{name}: x"),
            &format!("{name}`: {name} is not supported by the local run"),
        );
    }
    refuses_function(
        "TimeOut: 3",
        "TimeOut`: TimeOut (did you mean Timeout?) is not supported by the local run",
    );
}

/// A function as `CloudFormation` has it, with a mapping of its own; properties of the mapping follow.
const PLAIN: &str = "
Globals: { Function: { Timeout: 7 } }
Resources:
  Frames: { Type: 'AWS::Kinesis::Stream' }
  Fn:
    Type: AWS::Lambda::Function
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: fn } }
    Properties: { Runtime: provided.al2023, Handler: bootstrap, Code: ., Role: !ImportValue role }
  Given:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Frames.Arn
      StartingPosition: LATEST
";

#[test]
fn functions_of_cloudformation_are_run() {
    let function = parse(&format!("{PLAIN}      FunctionName: !Ref Fn\n")).unwrap().functions.remove(0);
    // Globals are SAM's: they say nothing about it.
    assert_eq!((function.binary.as_str(), function.timeout), ("fn", Duration::from_secs(3)));
    let inline = PLAIN.replace("Code: .", "Code: { ZipFile: x }");
    let error = parse(&inline).unwrap_err().to_string();
    assert_eq!(error, "t.yaml:8: `Resources.Fn.Properties.Code`: Code is not supported by the local run");
    let error = parse(&PLAIN.replace("Metadata:", "CreationPolicy:")).unwrap_err().to_string();
    assert_eq!(error, "t.yaml:6: `Resources.Fn.Metadata` must be a map with the build method, was absent");
}

#[test]
fn mappings_name_their_function_in_many_ways() {
    for name in
        ["!Ref Fn", "!GetAtt Fn.Arn", "!Sub '${Fn.Arn}:$LATEST'", "'000000000000:function:tapeline-Fn'"]
    {
        let stack = parse(&format!("{PLAIN}      FunctionName: {name}\n")).unwrap();
        assert_eq!(stack.functions[0].mappings[0].logical_id, "Given", "{name}");
        assert_eq!(stack.functions[0].mappings[0].starting_position, StartingPosition::Latest);
        assert_eq!(stack.not_run, []);
    }
    for name in ["Fn", "other", "'111111111111:function:tapeline-Fn'"] {
        let error = parse(&format!("{PLAIN}      FunctionName: {name}\n")).unwrap_err().to_string();
        assert!(
            error.contains("`Resources.Given.Properties.FunctionName` must be the name or ARN of a function"),
            "{error}"
        );
    }
}

#[test]
fn mappings_that_are_not_enabled_are_named_but_not_run() {
    let stack = parse(&format!("{PLAIN}      FunctionName: !Ref Fn\n      Enabled: false\n")).unwrap();
    assert_eq!(stack.functions[0].mappings, []);
    assert_eq!(stack.not_run, [("Given".to_owned(), "AWS::Lambda::EventSourceMapping".to_owned())]);
}
