package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	// libraryVersion is the release that deploy/engine/fetch.sh fetches.
	libraryVersion = "26.7.3-stable.1"
	libraryName    = "libchdb.so"
	libraryEnv     = "LINEWARDEN_ENGINE_LIB"
)

// systemFolders are where packages put libraries.
var systemFolders = []string{"/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"}

// findLibrary returns the file of libchdb: the one that is named, by option or
// by environment, or else the first of the usual places. A named file that is
// not there is an error, not a reason to take another.
func findLibrary(named string) (string, error) {
	for _, from := range []struct{ path, by string }{{named, "--library"}, {os.Getenv(libraryEnv), libraryEnv}} {
		if from.path == "" {
			continue
		}
		if !isFile(from.path) {
			return "", fmt.Errorf("%w: %s names %s, which is not a file; correct it, or run make engine and leave it out", ErrNoLibrary, from.by, from.path)
		}
		return from.path, nil
	}
	var searched []string
	for _, path := range libraryPlaces() {
		if isFile(path) {
			return path, nil
		}
		searched = append(searched, path)
	}
	return "", fmt.Errorf("%w: none of %s is there; run make engine to fetch it, name it by --library or %s, or configure a ClickHouse server (storage.clickhouse.addr)",
		ErrNoLibrary, strings.Join(searched, ", "), libraryEnv)
}

// libraryPlaces lists the files that are tried, in order.
func libraryPlaces() (places []string) {
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "linewarden", "engine", libraryVersion, libraryName))
	}
	for _, folder := range systemFolders {
		places = append(places, filepath.Join(folder, libraryName))
	}
	return places
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
