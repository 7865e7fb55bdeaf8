// Package bucket keeps verified files and trusted metadata in a bucket: a
// folder, memory, or an object store such as S3. Several replicas of a program
// may share one bucket.
//
// It decides nothing about trust. What it returns as verified was verified by
// the caller before it was added, and its digest is compared again when it is
// read.
//
//	b, err := bucket.Open(ctx, "file:///var/cache/proxy")
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	store := b.Records("pypi", verify.Options{}) // for client.Config.Store
//	files := b.Files(bucket.FilesOptions{MaxBytes: 10 << 30})
//	fill := func(ctx context.Context, dst client.Partial) error {
//		return mirrors.Download(ctx, target, dst, client.DownloadOptions{})
//	}
//	f, err := files.Get(ctx, digest, length, fill)
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	http.ServeContent(w, r, "", f.ModTime, f) // f is an io.ReadSeekCloser
//
// # Kinds of buckets
//
//	file:///var/cache/proxy           a folder, which is created if necessary
//	mem://                            memory, which ends with the process
//	s3://NAME?region=eu-central-1     an object store that speaks S3
//
// The parameters of an s3 URL are those of gocloud.dev/blob/s3blob, such as
// endpoint and use_path_style for a server of one's own; the keys are in the
// environment (AWS_ACCESS_KEY_ID and so on). Google Cloud Storage and Azure are
// one import each, in the program:
//
//	import _ "gocloud.dev/blob/gcsblob"   // gs://NAME
//	import _ "gocloud.dev/blob/azureblob" // azblob://NAME
//
// They are not among the imports of this package: their clients are large.
//
// A folder is not used through gocloud.dev/blob/fileblob, which does not sync
// what it writes, as verify.Store demands. Files in a folder are opened
// directly, so that the system can send them. Of other buckets only plain
// writes, reads, listings and removals are used, and no conditions: not every
// kind of bucket holds them between processes.
//
// # What is in a bucket
//
//	files/sha256/ab/abcd…                     a verified file (or sha512)
//	records/repository.NAME/root.json/7.abcd… a record of version 7
//	.spool, .temp                             unfinished, in a folder only
//
// A record's name ends in the sha256 of its bytes. So a name never gets other
// bytes, and replicas cannot overwrite each other's records.
package bucket
