// The S3 bucket; importing this loads the SDK.
export { createS3Bucket, makeS3Bucket, type S3Settings } from './s3-bucket.ts';
