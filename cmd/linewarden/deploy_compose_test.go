package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what the checks look at of a file of Compose.
type composeFile struct {
	Services map[string]struct {
		Build    struct{ Context, Dockerfile string }
		Network  string   `yaml:"network_mode"`
		Root     bool     `yaml:"read_only"`
		Dropped  []string `yaml:"cap_drop"`
		Requires any      `yaml:"depends_on"`
		Volumes  []string
	}
	Volumes map[string]any
}

// composeProblems says what a file of Compose names and is not there, and which
// collectors would lose the addresses of exporters or may do more than they need.
func composeProblems(folder, text string) (found []string, err error) {
	var c composeFile
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("read the file of Compose: %w", err)
	}
	there := func(path string) {
		if _, err := os.Stat(filepath.Join(folder, path)); err != nil {
			found = append(found, err.Error())
		}
	}
	collectors := 0
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; named {
				continue
			}
			if !strings.HasPrefix(from, ".") {
				found = append(found, name+" mounts the volume "+from+", which is not declared")
				continue
			}
			there(from)
		}
		for required := range namesIn(s.Requires) {
			if _, ok := c.Services[required]; !ok {
				found = append(found, name+" waits for "+required+", which is not there")
			}
		}
		if s.Build.Dockerfile == "" {
			continue
		}
		collectors++
		there(filepath.Join(s.Build.Context, s.Build.Dockerfile))
		if s.Network != "host" || !s.Root || !slices.Equal(s.Dropped, []string{"ALL"}) {
			found = append(found, name+" is not on the network of the host, or its root may be written, or it keeps capabilities")
		}
	}
	if collectors == 0 {
		err = errors.New("there is no collector")
	}
	return found, err
}

// namesIn is the set of what a service waits for, of both its forms.
func namesIn(requires any) map[string]bool {
	names := make(map[string]bool)
	switch r := requires.(type) {
	case []any:
		for _, v := range r {
			names[fmt.Sprint(v)] = true
		}
	case map[string]any:
		for v := range r {
			names[v] = true
		}
	}
	return names
}

// TestDeployCompose wants what is mounted, built and waited for to be there, and
// the network of the host, without which exporters lose their addresses.
func TestDeployCompose(t *testing.T) {
	folder := filepath.Join(deployFolder, "docker")
	for _, name := range []string{"compose.yaml", "cluster.yaml"} {
		found, err := composeProblems(folder, readDeploy(t, "docker/"+name))
		if err != nil || len(found) > 0 {
			t.Errorf("%s: %v %v", name, err, found)
		}
	}
	// Planted: a file, a volume and a service that are not there, and a bridge.
	bad := readDeploy(t, "docker/cluster.yaml")
	for from, to := range map[string]string{
		"./collector-1.yaml": "./collector-9.yaml", "- collector-2:/var": "- collector-9:/var",
		"clickhouse-2: {condition": "clickhouse-9: {condition", "network_mode: host": "network_mode: bridge",
	} {
		if found, err := composeProblems(folder, strings.Replace(bad, from, to, 1)); err != nil || len(found) == 0 {
			t.Errorf("%s in place of %s is not noticed: %v", to, from, err)
		}
	}
	copied := regexp.MustCompile(`(?m)^COPY (deploy/\S+)`).FindAllStringSubmatch(readDeploy(t, "docker/Dockerfile"), -1)
	if len(copied) < 2 {
		t.Fatal("the Dockerfile copies nothing of deploy")
	}
	for _, m := range copied {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("Dockerfile: %v", err)
		}
	}
}

// TestDeployCluster compares the files of the cluster with each other: its name,
// its servers, who comes in, and the ports of both collectors.
func TestDeployCluster(t *testing.T) {
	t.Setenv("CLICKHOUSE_PASSWORD", "secret")
	var compose composeFile
	if err := yaml.Unmarshal([]byte(readDeploy(t, "docker/cluster.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	var servers struct {
		Clusters struct {
			Linewarden struct {
				Shards []struct {
					Replicas []struct {
						Host string `xml:"host"`
					} `xml:"replica"`
				} `xml:"shard"`
			} `xml:"linewarden"`
		} `xml:"remote_servers"`
		Keepers []struct {
			Host string `xml:"host"`
		} `xml:"zookeeper>node"`
	}
	var keepers struct {
		Servers []struct {
			Host string `xml:"hostname"`
		} `xml:"keeper_server>raft_configuration>server"`
	}
	var users struct {
		Linewarden *struct{} `xml:"users>linewarden"`
	}
	for name, to := range map[string]any{"cluster": &servers, "keeper": &keepers, "users": &users} {
		if err := xml.Unmarshal([]byte(readDeploy(t, "docker/clickhouse/"+name+".xml")), to); err != nil {
			t.Fatalf("%s.xml: %v", name, err)
		}
	}
	var hosts []string
	for _, shard := range servers.Clusters.Linewarden.Shards {
		for _, r := range shard.Replicas {
			hosts = append(hosts, r.Host)
		}
	}
	for _, k := range servers.Keepers {
		hosts = append(hosts, k.Host)
	}
	for _, k := range keepers.Servers {
		hosts = append(hosts, k.Host)
	}
	for _, h := range hosts {
		if _, ok := compose.Services[h]; !ok {
			t.Errorf("no service is called %s", h)
		}
	}
	if len(hosts) != 8 || users.Linewarden == nil {
		t.Errorf("the hosts are %v, the user is %v", hosts, users.Linewarden)
	}
	taken := make(map[string]string)
	for _, name := range []string{"collector-1.yaml", "collector-2.yaml"} {
		c, err := LoadConfig(filepath.Join(deployFolder, "docker", name), t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		store := c.Storage.ClickHouse
		if store.Cluster != "linewarden" || store.Username != "linewarden" || store.Password != "secret" || len(store.Addr) != 2 {
			t.Errorf("%s stores in %+v", name, store)
		}
		ports := append(slices.Concat(c.Collector.Netflow.Listen, c.Collector.SFlow.Listen), c.BGP.Listen, c.BGP.BMP.Listen, c.HTTP.Listen)
		for _, p := range ports {
			if other := taken[p]; other != "" {
				t.Errorf("%s and %s listen on %s", other, name, p)
			}
			taken[p] = name
		}
	}
}
