//! Objects with records: when they are written, how they are named, and what they hold.

use std::io::Read as _;

use super::*;
use crate::firehose::BackupSettings;

#[tokio::test]
async fn an_object_is_written_when_its_size_is_reached() {
    let settings = without_function(to_s3(S3Settings { buffer: buffer(4, 300), ..s3() }));
    let mut world = World::new(settings, all("Ok"));
    world.put(0, "abc").await;
    assert_eq!(world.objects().len(), 0);
    world.put(0, "de").await;
    assert_eq!(world.texts(), ["abcde"]);
    world.put(0, "f").await;
    world.finish().await;
    assert_eq!(world.objects().len(), 2);
    assert_eq!((world.delivery.written().objects, world.delivery.written().object_bytes), (2, 6));
}

#[tokio::test]
async fn an_object_is_written_when_its_interval_is_over() {
    let mut world = World::new(without_function(settings()), all("Ok"));
    world.put(0, "a").await;
    world.put(299, "b").await;
    world.advance(299_999).await;
    assert_eq!(world.objects().len(), 0);
    world.advance(300_000).await;
    assert_eq!(world.texts(), ["ab"]);
}

#[tokio::test]
async fn an_object_is_named_by_the_arrival_of_its_oldest_record() {
    let prefix = prefix("data/!{timestamp:yyyy/MM/dd/HH-mm-ss}/", PrefixUse::Delivery);
    let error_prefix = "errors/!{firehose:error-output-type}/!{timestamp:HH-mm-ss}/";
    let error_prefix = Prefix::parse(error_prefix, TimeZone::UTC, PrefixUse::Error).unwrap();
    let mut all = [all("Ok"), all("ProcessingFailed")];
    let mut world = World::new(to_s3(S3Settings { prefix, error_prefix, ..s3() }), move |events| {
        all[events.len() - 1](events)
    });
    world.put(1, "a").await;
    world.put(2, "b").await;
    world.advance(100_000).await;
    world.put(103, "c").await;
    world.finish().await;
    let keys: Vec<String> = world.objects().into_keys().collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].starts_with("data/2026/11/21/09-30-01/archive-1-2026-11-21-09-30-01-"), "{keys:?}");
    let failed = "errors/processing-failed/09-31-43/archive-1-2026-11-21-09-31-43-";
    assert!(keys[1].starts_with(failed), "{keys:?}");
}

#[tokio::test]
async fn finishing_empties_every_buffer() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, "a").await;
    world.advance(60_000).await;
    world.put(61, "b").await;
    world.finish().await;
    assert_eq!(world.texts(), ["ab"]);
    world.finish().await;
    assert_eq!((world.objects().len(), world.events().len()), (1, 2));
}

#[tokio::test]
async fn a_line_feed_is_put_behind_each_record_where_it_is_asked_for() {
    let mut world = World::new(
        Settings { processing: Processing { append_delimiter: true, ..processing() }, ..settings() },
        all("Ok"),
    );
    world.put(0, "a").await;
    world.put(0, "b").await;
    world.finish().await;
    assert_eq!(world.texts(), ["a\nb\n"]);
}

#[tokio::test]
async fn buffers_expire_at_their_time_and_not_with_the_next_record() {
    let prefix = prefix("data/!{timestamp:HH-mm-ss}/", PrefixUse::Delivery);
    let mut world = World::new(to_s3(S3Settings { prefix, ..s3() }), all("Ok"));
    world.put(0, "a").await;
    // An hour later: the batch was due after one minute, its object five minutes after that.
    world.put(3600, "b").await;
    assert_eq!(world.texts(), ["a"]);
    world.finish().await;
    let objects = world.objects();
    let keys: Vec<_> = objects.keys().map(|key| key.split('/').nth(1).unwrap()).collect();
    assert_eq!(keys, ["09-30-00", "10-30-00"]);
}

#[tokio::test]
async fn an_object_that_cannot_be_written_does_not_keep_the_others_from_it() {
    let mut world = World::new(partitioned(), by_kind());
    fs::create_dir_all(world.bucket()).unwrap();
    fs::write(world.bucket().join("kind=kline"), "in the way").unwrap();
    for kind in ["kline", "trade"] {
        world.put(0, kind).await;
    }
    let error = world.delivery.finish().await.unwrap_err();
    assert_eq!(error.to_string(), "the delivery stream archive stopped");
    assert!(world.texts().contains(&"trade".to_owned()), "{:?}", world.objects().keys());
}

#[tokio::test]
async fn objects_are_compressed_and_named_so() {
    let s3 = S3Settings { compression: ObjectCompression::Gzip, extension: ".json.gz".to_owned(), ..s3() };
    let mut world = World::new(without_function(to_s3(s3)), all("Ok"));
    for data in ["a", "b"] {
        world.put(0, data).await;
    }
    world.finish().await;
    let (key, content) = world.objects().pop_first().unwrap();
    assert!(key.ends_with(".json.gz"), "{key}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(content.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "ab");
    assert_eq!(world.delivery.written().object_bytes, content.len() as u64);
}

#[tokio::test]
async fn a_name_has_the_version_of_the_configuration() {
    let mut world = World::new(Settings { version: 3, ..without_function(settings()) }, all("Ok"));
    world.put(0, "a").await;
    world.finish().await;
    let (key, _) = world.objects().pop_first().unwrap();
    assert!(key.contains("/archive-3-2026-11-21-09-30-00-"), "{key}");
}

#[tokio::test]
async fn the_source_s_records_are_backed_up_untransformed() {
    let backup = BackupSettings {
        bucket: "backup".to_owned(),
        prefix: prefix("source/", PrefixUse::Delivery),
        error_prefix: prefix("errors/", PrefixUse::Error),
        time_zone: TimeZone::UTC,
        buffer: buffer(3, 300),
        compression: ObjectCompression::Uncompressed,
    };
    let processing = Processing { append_delimiter: true, ..processing() };
    let settings = Settings { processing, ..to_s3(S3Settings { backup: Some(backup), ..s3() }) };
    let mut world = World::new(settings, all("Dropped"));
    world.put(0, "ab").await;
    world.put(1, "c").await;
    world.put(2, "d").await;
    assert_eq!(world.buffered_backup(), 1);
    world.advance(302_000).await;
    let kept = objects_below(&world.folder.path().join("backup"));
    assert!(kept.keys().all(|key| key.starts_with("source/2026/11/21/09/archive-1-")), "{kept:?}");
    let mut contents: Vec<_> = kept.into_values().collect();
    contents.sort();
    assert_eq!(contents, [&b"abc"[..], b"d"]);
    assert_eq!((world.objects().len(), world.delivery.written().backup_objects), (0, 2));
}

#[tokio::test]
async fn delivered_records_are_shown_to_whoever_watches() {
    let mut world = World::new(settings(), all("Ok"));
    let (sender, mut receiver) = broadcast::channel(8);
    world.delivery.watch(sender);
    world.put(0, "a").await;
    world.finish().await;
    assert_eq!(receiver.try_recv().unwrap(), "a");
    assert!(receiver.try_recv().is_err());
}

#[tokio::test]
async fn what_is_buffered_is_counted_until_it_is_delivered() {
    let mut world = World::new(settings(), all("Ok"));
    world.put(0, "abcd").await;
    assert_eq!(world.delivery.buffered_bytes(), 4);
    world.advance(60_000).await;
    assert_eq!(world.delivery.buffered_bytes(), 4);
    world.finish().await;
    assert_eq!(world.delivery.buffered_bytes(), 0);
}
