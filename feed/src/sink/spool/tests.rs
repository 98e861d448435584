//! The spool on a real disk: restarts, kills in the middle of a record, and a disk that is full.

use super::*;

fn record(data: &str) -> Record {
    Record {
        partition_key: "spot|BTCUSDT".into(),
        data: data.to_owned().into(),
        frames: 3,
        marks: Vec::new(),
        oldest: Timestamp::from_micros(1_700_000_000_000_000).unwrap(),
    }
}

fn open(folder: &Path) -> Opened {
    Spool::open(folder, 1 << 30).unwrap()
}

fn drain(spool: &mut Spool) -> Vec<(u64, Record)> {
    let mut found = Vec::new();
    while let Some(spooled) = spool.next_record().unwrap() {
        found.push((spooled.number, spooled.record));
    }
    found
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn records_come_back_in_their_order_over_restarts_until_they_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    for (number, data) in [(4, "a"), (7, "b"), (9, "")] {
        spool.append(number, &record(data)).unwrap();
    }
    let expected = [(4, record("a")), (7, record("b")), (9, record(""))];
    assert_eq!(drain(&mut spool), expected);
    drop(spool);
    let Opened { mut spool, next_number, bytes_cut } = open(folder.path());
    assert_eq!((next_number, bytes_cut, spool.is_read()), (10, 0, false));
    assert_eq!(drain(&mut spool), expected);
    for number in [7, 9, 4] {
        assert_eq!(files(folder.path()), 1);
        spool.release(number).unwrap();
    }
    assert_eq!((files(folder.path()), spool.bytes()), (0, 0));
}

#[test]
fn a_segment_is_deleted_when_all_of_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    let large = "x".repeat(900_000);
    for number in 0..24 {
        spool.append(number, &record(&large)).unwrap();
    }
    assert_eq!(files(folder.path()), 3);
    assert_eq!(drain(&mut spool).len(), 24);
    for number in 0..10 {
        spool.release(number).unwrap();
    }
    assert_eq!(files(folder.path()), 2);
    spool.append(24, &record("last")).unwrap();
    assert_eq!(drain(&mut spool), [(24, record("last"))]);
}

#[test]
fn half_a_record_at_the_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    spool.append(1, &record("a")).unwrap();
    spool.append(2, &record("b")).unwrap();
    let file = folder.path().join("00000000000000000001.spool");
    let whole = fs::read(&file).unwrap();
    for length in whole.len() / 2..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let Opened { mut spool, next_number, bytes_cut } = open(folder.path());
        assert_eq!((next_number, bytes_cut), (2, (length - whole.len() / 2) as u64));
        spool.append(2, &record("c")).unwrap();
        assert_eq!(drain(&mut spool), [(1, record("a")), (2, record("c"))]);
    }
}

#[test]
fn a_damaged_record_ends_what_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    let large = "x".repeat(900_000);
    for number in 1..=12 {
        spool.append(number, &record(&large)).unwrap();
    }
    let file = folder.path().join("00000000000000000001.spool");
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let Opened { mut spool, next_number, bytes_cut } = open(folder.path());
    assert_eq!(drain(&mut spool).len(), 1);
    assert_eq!((next_number, files(folder.path())), (2, 1));
    assert!(bytes_cut > 9_000_000);
}

#[test]
fn what_memory_has_too_is_not_read_back_before_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    spool.append_read(1, &record("a")).unwrap();
    spool.append_read(2, &record("b")).unwrap();
    assert!(spool.is_read());
    spool.append(3, &record("c")).unwrap();
    assert_eq!(drain(&mut spool), [(3, record("c"))]);
    assert_eq!(drain(&mut open(folder.path()).spool).len(), 3);
}

#[test]
fn a_record_is_safe_when_the_disk_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path()).spool;
    assert!(spool.sync().is_none());
    spool.append(1, &record("a")).unwrap();
    let sync = spool.sync().unwrap();
    spool.append(2, &record("b")).unwrap();
    assert_eq!(sync.run().unwrap(), [(1, Vec::new())]);
    assert_eq!(spool.sync().unwrap().run().unwrap(), [(2, Vec::new())]);
    assert!(spool.sync().is_none());
}

#[test]
fn a_full_spool_has_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 200).unwrap().spool;
    assert!(spool.has_room(&record("a")));
    spool.append(1, &record(&"x".repeat(100))).unwrap();
    assert!(!spool.has_room(&record(&"x".repeat(100))));
}
