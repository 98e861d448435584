//! A folder of buckets, as `s3s-fs` serves it, with what a bucket has not and a folder has left out.
//!
//! A folder inside of a bucket is no object: S3 has keys with slashes, and clients ask for `a` to find out whether it is
//! an object or a prefix. A file that is being written is no object yet.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopySource, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput,
    DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput,
    ListPartsOutput, Object, PutObjectInput, PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::super::EndpointError;
use crate::bucket::UNFINISHED;

/// Longest name of a file on common file systems.
const NAME_BYTES_MAX: usize = 255;
/// What the longest name that is made of a bucket, a key and an upload holds beside the two: marks, and a UUID.
const NAME_BYTES_BESIDE: usize = ".bucket-.object-.upload-.metadata.json".len() + 36;

/// The buckets of a folder.
#[derive(Debug)]
pub(super) struct Folder {
    files: FileSystem,
    path: PathBuf,
}

/// What an operation gives.
type Answer<'a, T> = Pin<Box<dyn Future<Output = S3Result<S3Response<T>>> + Send + 'a>>;

impl Folder {
    /// Opens a folder, which is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(super) fn open(path: &Path) -> Result<Self, EndpointError> {
        let failed = |source| EndpointError::Buckets { folder: path.display().to_string(), source };
        std::fs::create_dir_all(path).map_err(|error| failed(error.into()))?;
        let files = FileSystem::new(path).map_err(|error| failed(format!("{error:?}").into()))?;
        Ok(Self { files, path: path.to_owned() })
    }

    /// Whether a key is that of a folder. A key that says so itself, by its last character, may be.
    async fn is_folder(&self, bucket: &str, key: &str) -> bool {
        let path = self.path.join(bucket).join(key.trim_start_matches('/'));
        !key.ends_with('/') && tokio::fs::metadata(path).await.is_ok_and(|found| found.is_dir())
    }

    /// Refuses the key of a folder, as one that is not there.
    async fn an_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        a_path(key)?;
        if self.is_folder(bucket, key).await { Err(s3_error!(NoSuchKey)) } else { Ok(()) }
    }
}

/// Operations that are those of `s3s-fs` as they are.
macro_rules! as_they_are {
    ($($operation:ident: $input:ty => $output:ty;)+) => {$(
        fn $operation<'life0, 'async_trait>(
            &'life0 self,
            request: S3Request<$input>,
        ) -> Answer<'async_trait, $output>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            self.files.$operation(request)
        }
    )+};
}

/// Operations that are those of `s3s-fs` once the input has been looked at.
macro_rules! after {
    ($($operation:ident: $input:ty => $output:ty, $look:expr;)+) => {$(
        fn $operation<'life0, 'async_trait>(
            &'life0 self,
            request: S3Request<$input>,
        ) -> Answer<'async_trait, $output>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                $look(self, &request.input).await?;
                self.files.$operation(request).await
            })
        }
    )+};
}

// Written as `#[async_trait]` writes methods, by which the trait is declared.
impl S3 for Folder {
    as_they_are! {
        abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
        create_bucket: CreateBucketInput => CreateBucketOutput;
        delete_bucket: DeleteBucketInput => DeleteBucketOutput;
        get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
        head_bucket: HeadBucketInput => HeadBucketOutput;
        list_buckets: ListBucketsInput => ListBucketsOutput;
        list_parts: ListPartsInput => ListPartsOutput;
        upload_part: UploadPartInput => UploadPartOutput;
    }

    after! {
        complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
            async |_: &Self, input: &CompleteMultipartUploadInput| a_path(&input.key);
        copy_object: CopyObjectInput => CopyObjectOutput, async |_: &Self, input: &CopyObjectInput| {
            a_source(&input.copy_source)?;
            a_new_object(&input.bucket, &input.key)
        };
        create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
            async |_: &Self, input: &CreateMultipartUploadInput| a_new_object(&input.bucket, &input.key);
        delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
            async |_: &Self, input: &DeleteObjectsInput| {
                input.delete.objects.iter().try_for_each(|object| a_path(&object.key))
            };
        get_object: GetObjectInput => GetObjectOutput,
            async |folder: &Self, input: &GetObjectInput| folder.an_object(&input.bucket, &input.key).await;
        head_object: HeadObjectInput => HeadObjectOutput,
            async |folder: &Self, input: &HeadObjectInput| folder.an_object(&input.bucket, &input.key).await;
        put_object: PutObjectInput => PutObjectOutput,
            async |_: &Self, input: &PutObjectInput| a_new_object(&input.bucket, &input.key);
        upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
            async |_: &Self, input: &UploadPartCopyInput| a_source(&input.copy_source);
    }

    fn delete_object<'life0, 'async_trait>(
        &'life0 self,
        request: S3Request<DeleteObjectInput>,
    ) -> Answer<'async_trait, DeleteObjectOutput>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            a_path(&request.input.key)?;
            if self.is_folder(&request.input.bucket, &request.input.key).await {
                // Deleting what is not there succeeds.
                return Ok(S3Response::new(DeleteObjectOutput::default()));
            }
            self.files.delete_object(request).await
        })
    }

    fn list_objects<'life0, 'async_trait>(
        &'life0 self,
        request: S3Request<ListObjectsInput>,
    ) -> Answer<'async_trait, ListObjectsOutput>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let mut page = self.files.list_objects(request).await?;
            page.output.contents = page.output.contents.map(finished);
            // Keys are given as they are: said to be encoded, a client would decode them.
            page.output.encoding_type = None;
            Ok(page)
        })
    }

    fn list_objects_v2<'life0, 'async_trait>(
        &'life0 self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<'async_trait, ListObjectsV2Output>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let mut page = self.files.list_objects_v2(request).await?;
            let listed = page.output.contents.as_ref().map_or(0, Vec::len);
            page.output.contents = page.output.contents.map(finished);
            let left_out = listed - page.output.contents.as_ref().map_or(0, Vec::len);
            let left_out = i32::try_from(left_out).unwrap_or_default();
            page.output.key_count = page.output.key_count.map(|count| count - left_out);
            page.output.encoding_type = None;
            Ok(page)
        })
    }
}

/// Leaves out the files that are being written.
fn finished(mut objects: Vec<Object>) -> Vec<Object> {
    let is_finished = |key: &str| !key.rsplit('/').next().is_some_and(|name| name.starts_with(UNFINISHED));
    objects.retain(|object| object.key.as_deref().is_some_and(is_finished));
    objects
}

/// Refuses a key that leads out of its bucket: here it is a path.
fn a_path(key: &str) -> S3Result<()> {
    if key.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(s3_error!(InvalidArgument, "A key must be a path inside of its bucket on this machine"));
    }
    Ok(())
}

/// Refuses a source as [`a_path`] does.
fn a_source(source: &CopySource) -> S3Result<()> {
    match source {
        CopySource::Bucket { key, .. } => a_path(key),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Ok(()),
    }
}

/// Refuses a key that makes too long a name of the file in which its metadata is kept: after the object has been
/// written would be too late.
fn a_new_object(bucket: &str, key: &str) -> S3Result<()> {
    a_path(key)?;
    let as_base64 = |bytes: usize| (bytes * 4).div_ceil(3);
    let beside = NAME_BYTES_BESIDE + as_base64(bucket.len());
    if beside + as_base64(key.len()) <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(s3_error!(
        KeyTooLongError,
        "Your key is too long: this machine keeps keys of up to {} bytes in this bucket, yours has {}",
        NAME_BYTES_MAX.saturating_sub(beside) * 3 / 4,
        key.len()
    ))
}
