//! What the feed is for, and what may go wrong on the way.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::kinesis::Troubles;
use crate::process::{Process, until};
use crate::setting::{Setting, tail};

/// Four symbols, of each its trades and its aggregate trades.
const LANES: usize = 8;
const STREAMS: [&str; 2] = ["--streams", "trade,aggTrade"];
/// How many times as fast as its own time the session of the long test is played.
const SPEED: u32 = 20;
/// How long Kinesis is out of reach: five minutes of the session's time.
const OUTAGE: Duration = Duration::from_secs(5 * 60 / SPEED as u64);

/// Kills the feed in the middle of whatever it does, again and again, and starts it anew at once.
struct Killer {
    kills: u32,
    next: Instant,
}

impl Killer {
    /// Times between two kills, in milliseconds: a feed that has hardly begun, and one that is well under way.
    const LIVES: [u64; 5] = [400, 1_300, 700, 2_100, 1_000];

    fn new() -> Self {
        Self { kills: 0, next: Instant::now() }
    }

    fn work(&mut self, setting: &Setting, feed: &mut Process) {
        if Instant::now() < self.next {
            return;
        }
        let (ended, killed) = (feed.kill().signal(), Signal::KILL.as_raw());
        assert_eq!(ended, Some(killed), "it must not end by itself: {}", setting.log.text());
        *feed = setting.feed();
        let life = Self::LIVES[self.kills as usize % Self::LIVES.len()];
        self.kills += 1;
        self.next = Instant::now() + Duration::from_millis(life);
    }
}

#[test]
fn no_trade_is_missing_after_disconnects_kills_and_an_outage() {
    let faults = [
        "disconnect=80",
        "half-frame=600",
        "silence=4000",
        "shutdown=2000",
        "lose=300",
        "delay=1500",
        "duplicate=100",
        "reorder=100",
        "garbage=500",
        "control=300",
        "ping=300",
        "throttle=40",
        "ban=300",
        "server-error=30",
        "slow=50",
    ];
    let speed = SPEED.to_string();
    let mut exchange = vec!["--speed", &speed, "--minutes", "600", "--pace", "4", "--await-streams", "8"];
    exchange.extend(["--calm-ms", "60000", "--attempts", "100000", "--ping-ms", "500"]);
    exchange.extend(faults.into_iter().flat_map(|fault| ["--fault", fault]));
    let feed = ["--streams-per-connection", "2", "--silence-ms", "1500", "--linger-ms", "50"];
    let troubles = Troubles { throttled: 23, failed: 7, broken: 41, hung: 211 };
    let mut setting = Setting::new(&exchange, &[&STREAMS[..], &feed].concat(), troubles);
    let mut feed = setting.feed();
    setting.exchange.until("playing");
    setting.begun(LANES);
    let (mut killer, start) = (Killer::new(), Instant::now());
    let outage = (start + Duration::from_secs(4), start + Duration::from_secs(4) + OUTAGE);
    let mut is_away = false;
    while killer.kills < 20 || Instant::now() < outage.1 || setting.exchange.struck("disconnect") < 200 {
        killer.work(&setting, &mut feed);
        let should_be_away = (outage.0..outage.1).contains(&Instant::now());
        if should_be_away != is_away {
            is_away = should_be_away;
            if is_away { setting.kinesis.go() } else { setting.kinesis.come() }
        }
        std::thread::sleep(Duration::from_millis(50));
        let status = setting.exchange.status();
        assert!(start.elapsed() < Duration::from_mins(3), "{status}; {}", tail(&setting.log.text()));
    }
    setting.exchange.end();
    let status = setting.exchange.until("over");
    let held = setting.check(feed);
    assert!(status["faults"]["disconnect"].as_u64() >= Some(200), "{status}");
    println!(
        "{} trades, {} records' requests, {} held with repeats, {:.0} s: {status}",
        setting.exchange.trades().count(),
        setting.kinesis.requests(),
        held.count(),
        start.elapsed().as_secs_f64()
    );
}

/// Without a kill nothing comes twice, whatever sockets and Kinesis do. A pace is how busy takers are.
fn check_once(pace: &str, feed: &[&str], troubles: Troubles) {
    let faults = ["lose=100", "duplicate=50", "reorder=50", "disconnect=500", "garbage=500"];
    let mut exchange = vec!["--speed", "30", "--minutes", "4", "--pace", pace, "--await-streams", "8"];
    exchange.extend(["--calm-ms", "60000", "--attempts", "10000"]);
    exchange.extend(faults.into_iter().flat_map(|fault| ["--fault", fault]));
    let setting = Setting::new(&exchange, &[&STREAMS[..], feed].concat(), troubles);
    let feed = setting.feed();
    setting.exchange.until("over");
    let held = setting.check(feed);
    assert_eq!(held.count(), setting.exchange.trades().count());
    assert!(held.count() > 1_000);
}

const THROTTLING: Troubles = Troubles { throttled: 9, failed: 4, broken: 0, hung: 0 };

#[test]
fn single_frames_come_once_and_in_order() {
    check_once("1", &["--packing", "single"], THROTTLING);
}

#[test]
fn lines_of_frames_come_once_and_in_order() {
    check_once("8", &["--packing", "lines", "--linger-ms", "20"], THROTTLING);
}

#[test]
fn aggregated_frames_come_once_and_in_order() {
    check_once("8", &["--packing", "kpl", "--linger-ms", "20"], THROTTLING);
}

#[test]
fn redundant_sockets_are_one() {
    check_once("8", &["--redundancy", "2", "--linger-ms", "20"], Troubles::default());
}

#[test]
fn symbols_of_a_quote_asset_are_found() {
    let exchange = ["--speed", "60", "--minutes", "1", "--await-streams", "4"];
    let setting = Setting::new(&exchange, &["--quote-asset", "usdt"], Troubles::default());
    let feed = setting.feed();
    setting.exchange.until("over");
    let traded = setting.exchange.trades();
    until("trades", || {
        let missing = setting.held().missing(&traded);
        missing.iter().all(|missing| missing.contains("aggTrade")).then_some(())
    });
    drop(feed);
}

#[test]
fn what_cannot_be_filled_is_told_with_its_ids() {
    // The history is so short that what silent sockets leave out is gone.
    let mut exchange = vec!["--speed", "60", "--minutes", "6", "--pace", "8", "--await-streams", "8"];
    exchange.extend(["--history", "20", "--calm-ms", "60000", "--fault", "silence=1500"]);
    let feed = ["--silence-ms", "600", "--linger-ms", "20"];
    let setting = Setting::new(&exchange, &[&STREAMS[..], &feed].concat(), Troubles::default());
    let _feed = setting.feed();
    let told = until("a gap that was given up", || {
        let said = setting.log.text();
        let told = said.lines().find(|line| line.contains("gave a gap up"))?;
        serde_json::from_str::<serde_json::Value>(told).ok()
    });
    setting.exchange.until("over");
    let kind = if told["kind"] == "trade" { "trade" } else { "aggTrade" };
    let traded = setting.exchange.trades();
    let ids = &traded.0[&(told["symbol"].as_str().unwrap().to_owned(), kind.to_owned())];
    let (from, to) = (told["from"].as_i64().unwrap(), told["to"].as_i64().unwrap());
    assert!(from <= to && ids.contains(&from) && ids.contains(&to), "{told}");
}

/// The value of a property in the lines of a resource of the template.
fn property<'a>(resource: &'a str, name: &str) -> &'a str {
    let start = format!("      {name}: ");
    resource.lines().find_map(|line| line.strip_prefix(&start)).unwrap()
}

#[test]
fn the_alarms_of_the_template_watch_what_the_feed_writes() {
    let exchange = ["--speed", "60", "--minutes", "1", "--await-streams", "8"];
    let setting = Setting::new(&exchange, &STREAMS, Troubles::default());
    let mut feed = setting.feed();
    setting.exchange.until("over");
    assert_eq!(feed.end().code(), Some(0));
    let documents: Vec<serde_json::Value> =
        setting.log.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let template = std::fs::read_to_string(crate::binaries::TEMPLATE).unwrap();
    let alarms = template.split("\n\n").filter(|resource| {
        resource.starts_with("  Feed") && resource.contains("Type: AWS::CloudWatch::Alarm")
    });
    let mut watched = 0;
    for alarm in alarms {
        let metric = property(alarm, "MetricName");
        let is_written = documents.iter().any(|document| {
            let directive = &document["_aws"]["CloudWatchMetrics"][0];
            directive["Namespace"] == property(alarm, "Namespace")
                && directive["Dimensions"] == serde_json::json!([["Market", "Stream"]])
                && document.get(metric).is_some()
        });
        assert!(is_written, "{metric} in {documents:#?}");
        assert_eq!(
            property(alarm, "Dimensions"),
            "[{ Name: Market, Value: !Ref Market }, { Name: Stream, Value: !Ref FrameStream }]"
        );
        watched += 1;
    }
    assert_eq!(watched, 2);
}

#[test]
fn what_is_recorded_can_be_replayed() {
    let exchange = ["--speed", "60", "--minutes", "2", "--await-streams", "8"];
    for name in ["recorded.ndjson", "recorded.ndjson.gz", "recorded.ndjson.zst"] {
        let setting =
            Setting::new(&exchange, &[&STREAMS[..], &["--record", name]].concat(), Troubles::default());
        let feed = setting.feed();
        setting.exchange.until("over");
        setting.check(feed);
        let mut replay = std::process::Command::new(crate::binaries::TAPELINE);
        crate::binaries::build_others();
        replay.args(["replay", "--template", crate::binaries::TEMPLATE, "--only", "Archive", "--out"]);
        let ended = replay.arg(setting.path("out")).arg(setting.path(name)).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let summary = std::fs::read_to_string(setting.path("out/summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
        assert!(
            summary["frames"].as_u64() >= u64::try_from(setting.exchange.trades().count()).ok(),
            "{summary}"
        );
    }
}
