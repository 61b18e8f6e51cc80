package storage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	manifestName = "manifest.json"
	tarSuffix    = ".tar"
	// partial ends the name of a backup that is not whole yet.
	partial = ".partial"
	// maxManifest bounds what is read as a manifest.
	maxManifest = 16 << 20
)

// archive is a backup in the making: a directory, which is also where the files
// of a tar lie until they are put into it.
type archive struct {
	path    string   // where it goes
	folder  string   // where files are written
	tarFile *os.File // nil for a directory
	tar     *tar.Writer
}

// createArchive makes sure that nothing is overwritten.
func createArchive(path string) (*archive, error) {
	if path == "" {
		return nil, errors.New("back up: name a directory or a .tar file")
	}
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("back up: %w", err)
	case strings.HasSuffix(path, tarSuffix) || !info.IsDir():
		return nil, fmt.Errorf("back up to %s: %w; remove it, or name another file", path, ErrBackupExists)
	default:
		if list, err := os.ReadDir(path); err != nil || len(list) > 0 {
			return nil, errors.Join(fmt.Errorf("back up to %s: %w; name a directory that is empty or not there", path, ErrBackupExists), err)
		}
	}
	a := &archive{path: path, folder: path + partial}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("back up: %w", err)
	}
	if err := os.Mkdir(a.folder, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("back up to %s: %w: %s is of a backup that runs, or that was killed; remove it in that case", path, ErrBackupExists, a.folder)
		}
		return nil, fmt.Errorf("back up: %w", err)
	}
	if !strings.HasSuffix(path, tarSuffix) {
		return a, nil
	}
	if a.tarFile, err = os.OpenFile(filepath.Join(a.folder, "backup"+tarSuffix), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("back up: %w", err), os.RemoveAll(a.folder))
	}
	a.tar = tar.NewWriter(a.tarFile)
	return a, nil
}

// digest is a file that is hashed and counted as it is written.
type digest struct {
	out  io.Writer
	hash hash.Hash
	size int64
}

func (d *digest) Write(b []byte) (int, error) {
	n, err := d.out.Write(b)
	d.hash.Write(b[:n])
	d.size += int64(n)
	return n, err
}

// add writes a file, and returns its size and its SHA-256. It is on disk when
// add returns.
func (a *archive) add(name string, write func(io.Writer) error) (size int64, sum string, err error) {
	path := filepath.Join(a.folder, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return 0, "", fmt.Errorf("back up: %w", err)
	}
	d := &digest{out: f, hash: sha256.New()}
	err = write(d)
	if err == nil && a.tar == nil {
		err = f.Sync()
	}
	if err == nil && a.tar != nil {
		err = errors.Join(a.pack(name, f, d.size), os.Remove(path))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, "", fmt.Errorf("back up: write %s: %w", name, err)
	}
	return d.size, hex.EncodeToString(d.hash.Sum(nil)), nil
}

// pack puts a file into the tar.
func (a *archive) pack(name string, f io.ReadSeeker, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: time.Now().Truncate(time.Second)}); err != nil {
		return err
	}
	_, err := io.Copy(a.tar, f)
	return err
}

// finish writes the manifest and gives the backup its name.
func (a *archive) finish(m *Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, _, err = a.add(manifestName, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	}); err != nil {
		return err
	}
	if a.tar == nil {
		// An empty directory is replaced by the rename.
		if err := os.Rename(a.folder, a.path); err != nil {
			return fmt.Errorf("back up: %w", err)
		}
		return syncFolder(filepath.Dir(a.path))
	}
	err = errors.Join(a.tar.Close(), a.tarFile.Sync(), a.tarFile.Close())
	a.tar, a.tarFile = nil, nil
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	// A link, unlike a rename, does not take the place of another file.
	if err := os.Link(filepath.Join(a.folder, "backup"+tarSuffix), a.path); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return errors.Join(os.RemoveAll(a.folder), syncFolder(filepath.Dir(a.path)))
}

// abandon removes what was written.
func (a *archive) abandon() error {
	var err error
	if a.tarFile != nil {
		err = a.tarFile.Close()
	}
	return errors.Join(err, os.RemoveAll(a.folder))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// backupFiles opens the files of a backup.
type backupFiles struct {
	folder string
	file   *os.File // of a tar
	places map[string][2]int64
}

// openArchive opens a backup and reads its manifest.
func openArchive(path string) (*backupFiles, *Manifest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("restore: %w; name the directory or file that linewarden backup has written", err)
	}
	b := &backupFiles{folder: path}
	if !info.IsDir() {
		if err := b.index(path); err != nil {
			return nil, nil, errors.Join(err, b.close())
		}
	}
	m, err := b.manifest()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("restore from %s: %w", path, err), b.close())
	}
	return b, m, nil
}

// index finds the files in a tar.
func (b *backupFiles) index(path string) (err error) {
	if b.file, err = os.Open(path); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	b.places = make(map[string][2]int64)
	files := tar.NewReader(b.file)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("restore from %s: %w: %w", path, ErrBackupDamaged, err)
		}
		at, err := b.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("restore from %s: %w", path, err)
		}
		b.places[h.Name] = [2]int64{at, h.Size}
	}
}

// open opens a file by its name, which is none of a path.
func (b *backupFiles) open(name string) (io.ReadCloser, error) {
	if name == "" || name != filepath.Base(name) {
		return nil, fmt.Errorf("%w: a file is named %q", ErrBackupDamaged, name)
	}
	if b.file == nil {
		f, err := os.Open(filepath.Join(b.folder, name))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBackupDamaged, err)
		}
		return f, nil
	}
	place, there := b.places[name]
	if !there {
		return nil, fmt.Errorf("%w: %s is missing", ErrBackupDamaged, name)
	}
	return io.NopCloser(io.NewSectionReader(b.file, place[0], place[1])), nil
}

// manifest reads the manifest and checks what can be checked without a store.
func (b *backupFiles) manifest() (*Manifest, error) {
	f, err := b.open(manifestName)
	if err != nil {
		return nil, fmt.Errorf("%w; without a manifest it was not completed, or is no backup of linewarden", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBackupDamaged, err)
	}
	decode := json.NewDecoder(bytes.NewReader(text))
	m := new(Manifest)
	if err := decode.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBackupDamaged, manifestName, err)
	}
	if m.Version != BackupVersion {
		return nil, fmt.Errorf("its layout has version %d, this program reads version %d; use the linewarden that wrote it (%s)", m.Version, BackupVersion, m.Program)
	}
	for i := range m.Tables {
		if err := m.Tables[i].check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (b *backupFiles) close() error {
	if b.file == nil {
		return nil
	}
	return b.file.Close()
}

// VerifyBackup reads every file of a backup and compares it with the manifest.
// It needs no store. An error is ErrBackupDamaged where a file is not as it was
// written.
func VerifyBackup(path string) (_ *Manifest, err error) {
	b, m, err := openArchive(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for i := range m.Tables {
		t := &m.Tables[i]
		f, err := b.open(t.File)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		d := &digest{out: io.Discard, hash: sha256.New()}
		_, err = io.Copy(d, f)
		if err = errors.Join(err, f.Close(), t.same(d)); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return m, nil
}

// same compares a file that was read with what was written.
func (t *BackupTable) same(d *digest) error {
	if d.size != t.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, %d were written", ErrBackupDamaged, t.File, d.size, t.Bytes)
	}
	if sum := hex.EncodeToString(d.hash.Sum(nil)); sum != t.SHA256 {
		return fmt.Errorf("%w: the SHA-256 of %s is %s, it was %s", ErrBackupDamaged, t.File, sum, t.SHA256)
	}
	return nil
}
