// Package bucket keeps verified files and trusted metadata in a bucket
// (gocloud.dev/blob): a folder, memory, or an object store such as S3. Several
// replicas of a program may share one bucket.
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
//	store := b.Records("pypi") // a verify.CandidateStore for client.Config.Store
//	files := b.Files(bucket.FilesOptions{MaxBytes: 10 << 30})
//	f, err := files.Get(ctx, digest, length, func(ctx context.Context, dst client.Partial) error {
//		return mirrors.Download(ctx, target, dst, client.DownloadOptions{})
//	})
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	http.ServeContent(w, r, "", f.ModTime, f) // f is an io.ReadSeekCloser
package bucket
