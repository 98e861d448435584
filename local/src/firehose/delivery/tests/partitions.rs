//! Records sorted by their partition keys.

use super::*;

#[tokio::test]
async fn records_with_the_same_keys_share_an_object() {
    let mut world = World::new(partitioned(), by_kind());
    for kind in ["trade", "kline", "trade"] {
        world.put(0, kind).await;
    }
    world.finish().await;
    let objects = world.objects();
    let objects: Vec<_> = objects.iter().map(|(key, content)| (key.as_str(), content.as_slice())).collect();
    assert_eq!(objects.len(), 2, "{objects:?}");
    assert!(objects[0].0.starts_with("kind=kline/archive-1-2026-11-21-09-30-00-"), "{objects:?}");
    assert!(objects[1].0.starts_with("kind=trade/archive-1-2026-11-21-09-30-00-"), "{objects:?}");
    assert_eq!((objects[0].1, objects[1].1), (&b"kline"[..], &b"tradetrade"[..]));
    assert_eq!(
        world.delivery.written().rows,
        BTreeMap::from([("kline".to_owned(), 1), ("trade".to_owned(), 2)])
    );
}

#[tokio::test]
async fn a_record_without_a_key_of_the_prefix_is_kept_as_a_document() {
    let mut world = World::new(partitioned(), all("Ok"));
    world.put(0, "a").await;
    world.finish().await;
    let documents = world.documents("partitioning-failed");
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.MissingPartitionKey");
    assert_eq!(documents[0]["errorMessage"], "the prefix names the key kind, the record has none");
    assert_eq!(documents[0]["rawData"], "YQ==");
    assert_eq!((world.counts().records.ok, world.counts().records.partitioning_failed), (1, 1));
}

#[tokio::test]
async fn a_record_for_one_partition_too_many_is_kept_as_a_document() {
    let mut world = World::new(partitioned(), by_kind());
    for number in 0..501 {
        world.put(0, format!("k{number:03}")).await;
    }
    // A partition that is active already takes more.
    world.put(0, "k000").await;
    world.finish().await;
    let documents = world.documents("partitioning-failed");
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.ActivePartitionLimitExceeded");
    assert_eq!(documents[0]["rawData"], STANDARD.encode("k500"));
    assert_eq!((world.delivery.written().objects, world.delivery.written().error_objects), (500, 1));
    assert_eq!(world.texts().iter().filter(|text| *text == "k000k000").count(), 1);
}

#[tokio::test]
async fn a_written_partition_makes_room_for_another() {
    let mut world = World::new(partitioned(), by_kind());
    for number in 0..500 {
        world.put(0, format!("k{number:03}")).await;
    }
    world.put(400, "k500").await;
    world.finish().await;
    assert_eq!((world.delivery.written().objects, world.counts().records.partitioning_failed), (501, 0));
}

#[tokio::test]
async fn a_partition_whose_prefix_cannot_be_evaluated_fails_its_record_only() {
    let too_long = "k".repeat(513);
    for kind in [too_long.as_str(), "../../escape", "a\0b", &"k".repeat(300)] {
        let mut world = World::new(partitioned(), by_kind());
        world.put(0, "trade").await;
        world.put(0, kind).await;
        world.finish().await;
        let documents = world.documents("partitioning-failed");
        assert_eq!(documents.len(), 1, "{kind:?}");
        assert_eq!(documents[0]["errorCode"], "DynamicPartitioning.InvalidPrefix");
        assert_eq!(documents[0]["rawData"], STANDARD.encode(kind));
        assert_eq!(world.delivery.written().rows, BTreeMap::from([("trade".to_owned(), 1)]));
        assert_eq!(world.counts().records.partitioning_failed, 1);
    }
}
