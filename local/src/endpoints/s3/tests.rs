//! The buckets as S3 clients see them: over HTTP requests with any signature.

use super::*;
use axum::body::{Body, to_bytes};
use axum::http::Request as Raw;

/// Buckets of which `archive` has an object that a delivery stream wrote.
struct Buckets {
    folder: tempfile::TempDir,
    router: Router,
}

/// A key as prefixes and object names make it.
const KEY: &str = "market/kind=trade/date=2026-11-21/tapeline-1-2026-11-21-09-30-00-uuid.parquet";
const OBJECT: &[u8] = b"PAR1\x00\xff\r\n0\r\nPAR1";

/// What a request is answered with.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Buckets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive").join(KEY);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, OBJECT).unwrap();
        std::fs::write(path.with_file_name(".unfinished-0"), "half").unwrap();
        let router = router(folder.path()).unwrap();
        Self { folder, router }
    }

    async fn send(&self, method: &str, path: &str, (headers, body): (&[(&str, &str)], &[u8])) -> Answer {
        let scope = "20261121/us-east-1/s3/aws4_request";
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=any/{scope}, SignedHeaders=host, Signature=0");
        let mut request = Raw::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:4566")
            .header("x-amz-date", "20261121T093000Z")
            .header("authorization", authorization)
            .header("content-length", body.len().to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer =
            self.router.clone().oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, (&[], b"")).await
    }

    fn read(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join("archive").join(key)).unwrap()
    }
}

#[tokio::test]
async fn folders_are_listed_as_buckets() {
    let answer = Buckets::new().get("/").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("<Name>archive</Name>"), "{}", answer.text());
}

#[tokio::test]
async fn a_written_object_is_listed_with_its_size_and_an_unfinished_one_is_not() {
    let answer = Buckets::new().get("/archive?list-type=2&prefix=market/").await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains(&format!("<Key>{KEY}</Key>")), "{text}");
    assert!(text.contains(&format!("<Size>{}</Size>", OBJECT.len())), "{text}");
    assert!(text.contains("<KeyCount>1</KeyCount>") && !text.contains("unfinished"), "{text}");
}

#[tokio::test]
async fn a_key_that_is_not_encoded_is_not_said_to_be() {
    let buckets = Buckets::new();
    assert_eq!(buckets.send("PUT", "/archive/a%2Bb", (&[], b"mine")).await.status, 200);
    for version in ["", "&list-type=2"] {
        let answer = buckets.get(&format!("/archive?prefix=a%2B&encoding-type=url{version}")).await;
        let text = answer.text();
        assert!(text.contains("<Key>a+b</Key>") && !text.contains("EncodingType"), "{text}");
    }
}

#[tokio::test]
async fn a_delimiter_gives_prefixes() {
    let answer = Buckets::new().get("/archive?list-type=2&delimiter=%2F&prefix=market%2F").await;
    assert!(answer.text().contains("<Prefix>market/kind=trade/</Prefix>"), "{}", answer.text());
}

#[tokio::test]
async fn a_written_object_is_read_byte_for_byte() {
    let buckets = Buckets::new();
    let answer = buckets.get(&format!("/archive/{KEY}")).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, OBJECT));
    // As clients encode a path.
    let answer = buckets.get(&format!("/archive/{}", KEY.replace('=', "%3D"))).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, OBJECT));
}

#[tokio::test]
async fn a_range_of_an_object_is_read() {
    let buckets = Buckets::new();
    let path = format!("/archive/{KEY}");
    let answer = buckets.send("GET", &path, (&[("range", "bytes=-4")], b"")).await;
    assert_eq!((answer.status, answer.body.as_slice()), (206, &b"PAR1"[..]));
}

#[tokio::test]
async fn the_head_of_an_object_tells_its_length() {
    let answer = Buckets::new().send("HEAD", &format!("/archive/{KEY}"), (&[], b"")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-length"], OBJECT.len().to_string().as_str());
}

#[tokio::test]
async fn a_folder_inside_of_a_bucket_is_no_object() {
    let buckets = Buckets::new();
    let answer = buckets.get("/archive/market/kind=trade").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("<Code>NoSuchKey</Code>"), "{}", answer.text());
    assert_eq!(buckets.send("HEAD", "/archive/market", (&[], b"")).await.status, 404);
    // Deleting what is not there succeeds.
    assert_eq!(buckets.send("DELETE", "/archive/market", (&[], b"")).await.status, 204);
    assert_eq!(buckets.read(KEY), OBJECT);
}

#[tokio::test]
async fn an_object_is_put_and_deleted() {
    let buckets = Buckets::new();
    let content_type = [("content-type", "text/plain")];
    let answer = buckets.send("PUT", "/archive/a/b.txt", (&content_type, b"mine")).await;
    // MD5 of the content, as S3 makes an ETag.
    assert_eq!(
        (answer.status, &answer.headers["etag"]),
        (200, &"\"918b81db5e91d031548b963c93845e5b\"".parse().unwrap())
    );
    assert_eq!(buckets.read("a/b.txt"), b"mine");
    assert_eq!(buckets.get("/archive/a/b.txt").await.headers["content-type"], "text/plain");
    let listed = buckets.get("/archive?list-type=2").await;
    // What is kept of the metadata is no object.
    assert!(listed.text().contains("<KeyCount>2</KeyCount>"), "{}", listed.text());
    assert_eq!(buckets.send("DELETE", "/archive/a/b.txt", (&[], b"")).await.status, 204);
    assert_eq!(buckets.get("/archive/a/b.txt").await.status, 404);
}

#[tokio::test]
async fn a_body_in_signed_chunks_is_put_without_them() {
    let buckets = Buckets::new();
    let signature = "0".repeat(64);
    let body = format!("4;chunk-signature={signature}\r\nmine\r\n0;chunk-signature={signature}\r\n\r\n");
    let headers = [
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-decoded-content-length", "4"),
        ("content-encoding", "aws-chunked"),
    ];
    let answer = buckets.send("PUT", "/archive/chunked", (&headers, body.as_bytes())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(buckets.read("chunked"), b"mine");
    assert!(!buckets.get("/archive/chunked").await.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn a_checksum_behind_the_chunks_is_left_out() {
    let buckets = Buckets::new();
    let body = b"4\r\nmine\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    let headers = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "4"),
        ("content-encoding", "gzip,aws-chunked"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ];
    let answer = buckets.send("PUT", "/archive/trailer", (&headers, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(buckets.read("trailer"), b"mine");
    assert_eq!(buckets.get("/archive/trailer").await.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn a_presigned_url_is_read() {
    let buckets = Buckets::new();
    let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=any%2F20261121%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20261121T093000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    assert_eq!(buckets.get(&format!("/archive/{KEY}?{presigned}")).await.body, OBJECT);
    let older = "AWSAccessKeyId=any&Signature=0&Expires=1";
    assert_eq!(buckets.get(&format!("/archive/{KEY}?{older}")).await.body, OBJECT);
}

#[tokio::test]
async fn a_bucket_is_made_and_one_that_is_missing_is_told() {
    let buckets = Buckets::new();
    assert_eq!(buckets.send("PUT", "/other", (&[], b"")).await.status, 200);
    assert_eq!(buckets.send("HEAD", "/other", (&[], b"")).await.status, 200);
    let answer = buckets.get("/missing?list-type=2").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("<Code>NoSuchBucket</Code>"), "{}", answer.text());
}

#[tokio::test]
async fn an_object_is_put_in_parts() {
    let buckets = Buckets::new();
    let begun = buckets.send("POST", "/archive/parts?uploads", (&[], b"")).await;
    let text = begun.text();
    let id = text.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once('<')).unwrap().0;
    let part = format!("/archive/parts?partNumber=1&uploadId={id}");
    assert_eq!(buckets.send("PUT", &part, (&[], b"mine")).await.status, 200);
    let complete =
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>";
    let path = format!("/archive/parts?uploadId={id}");
    let answer = buckets.send("POST", &path, (&[], complete.as_bytes())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(buckets.read("parts"), b"mine");
}

#[tokio::test]
async fn a_key_that_is_too_long_for_this_machine_is_refused_before_anything_is_written() {
    let buckets = Buckets::new();
    let path = format!("/archive/{}", "k".repeat(200));
    let answer = buckets.send("PUT", &path, (&[], b"mine")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>KeyTooLongError</Code>"), "{}", answer.text());
    assert_eq!(std::fs::read_dir(buckets.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_key_does_not_lead_out_of_its_bucket() {
    let buckets = Buckets::new();
    std::fs::write(buckets.folder.path().join("beside"), "not an object").unwrap();
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        for path in ["/archive/%2E%2E/beside", "/archive/a/../../beside"] {
            assert_eq!(buckets.send(method, path, (&[], b"mine")).await.status, 400, "{method} {path}");
        }
    }
    let copy = [("x-amz-copy-source", "archive/../beside")];
    assert_eq!(buckets.send("PUT", "/archive/copy", (&copy, b"")).await.status, 400);
    assert_eq!(std::fs::read(buckets.folder.path().join("beside")).unwrap(), b"not an object");
}
