package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// deployFolder is deploy, as seen from the folder of this test.
const deployFolder = "../../deploy"

func readDeploy(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(deployFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDeployUnit lets systemd check the unit, with the program where the test
// has it, and rates what it may do.
func TestDeployUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: it is what checks units")
	}
	text := readDeploy(t, "systemd/linewarden.service")
	verify := func(text string) (string, error) {
		unit := filepath.Join(t.TempDir(), "linewarden.service")
		if err := os.WriteFile(unit, []byte(strings.Replace(text, "/usr/bin/linewarden", program, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
		return string(out), err
	}
	if out, err := verify(text); err != nil || strings.Contains(out, "linewarden.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := verify(strings.Replace(text, "ProtectSystem=strict", "ProtectSystm=strict", 1)); err == nil && !strings.Contains(out, "ProtectSystm") {
		t.Errorf("a wrong key is not noticed:\n%s", out)
	}
	unit := filepath.Join(t.TempDir(), "linewarden.service")
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The exposure is from 0 to 100; above 25 some wall has fallen.
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=25", "--no-pager", unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestDeployConfig loads the configuration of the packages.
func TestDeployConfig(t *testing.T) {
	if _, err := LoadConfig(filepath.Join(deployFolder, "package", "linewarden.yaml"), t.TempDir()); err != nil {
		t.Error(err)
	}
}

// TestDeployPackage wants each file of a package in the repository, but for
// what is built into bin.
func TestDeployPackage(t *testing.T) {
	for _, name := range []string{"nfpm.yaml", "engine.yaml"} {
		var p struct {
			Name     string `yaml:"name"`
			Contents []struct{ Src, Dst string }
			Scripts  map[string]string
		}
		if err := yaml.Unmarshal([]byte(readDeploy(t, "package/"+name)), &p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files := make([]string, 0, len(p.Contents)+len(p.Scripts))
		for _, c := range p.Contents {
			if !strings.HasPrefix(c.Dst, "/") {
				t.Errorf("%s: %q has no absolute place", name, c.Src)
			}
			files = append(files, c.Src)
		}
		for _, s := range p.Scripts {
			files = append(files, s)
			if out, err := exec.Command("sh", "-n", filepath.Join("../..", s)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", s, err, out)
			}
		}
		if len(files) == 0 || p.Name == "" {
			t.Errorf("%s is empty", name)
		}
		for _, f := range files {
			if strings.HasPrefix(f, "bin/") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", f)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// alertRules are the rules of a file of Prometheus.
type alertRules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

var (
	metricName  = regexp.MustCompile(`linewarden_[a-z0-9_]+`)
	metricLabel = regexp.MustCompile(`(linewarden_[a-z0-9_]+)\{([a-z_]+)(?:=|!=|=~|!~)`)
)

// TestDeployAlerts compares the metrics that alerts name with those of a daemon.
func TestDeployAlerts(t *testing.T) {
	text := readDeploy(t, "prometheus/alerts.yaml")
	var rules alertRules
	if err := yaml.UnmarshalWithOptions([]byte(text), &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeLedgers(t, dir, "E1")
	d := startServeWith(t, dir, strings.Replace(serveConfig, "bgp: {",
		`bgp: {listen: "127.0.0.1:0", neighbors: [{address: 127.0.0.12, asn: 65001}], rpki: {rtr: [{address: "127.0.0.1:1"}]}, `, 1))
	d.send(0, 1)
	d.until("the exporter has its series", func() bool {
		return d.metric(`linewarden_flow_records_received_total{exporter="127.0.0.1",protocol_version="netflow5"}`) == "30"
	})
	_, metrics := d.get("metrics")
	seen := make(map[string]bool)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: the alert %q has no name of its own, severity or words", g.Name, r.Alert)
			}
			seen[r.Alert] = true
			for _, err := range unknownMetrics(r.Expr+strings.Join([]string{r.Annotations["summary"], r.Annotations["description"]}, "\n"), metrics) {
				t.Errorf("%s: %v", r.Alert, err)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d alerts", len(seen))
	}
	for _, lang := range []string{"zh", "en"} {
		page, err := os.ReadFile("../../console/manual/" + lang + "/howto-alerts.md")
		if err != nil {
			t.Fatal(err)
		}
		for name := range seen {
			if !strings.Contains(string(page), "\n## "+name+"\n") {
				t.Errorf("the manual does not say in %s what to do about %s", lang, name)
			}
		}
	}
	// Planted: a metric, and a label, that are not there.
	if got := unknownMetrics(`linewarden_spool_tears > 0 or linewarden_spool_state{color="red"} == 1`, metrics); len(got) != 2 {
		t.Errorf("planted names give %v", got)
	}
}

// unknownMetrics names what an expression names and /metrics has not.
func unknownMetrics(expr, metrics string) (found []error) {
	for _, name := range metricName.FindAllString(expr, -1) {
		if !strings.Contains(metrics, "\n"+name+"{") && !strings.Contains(metrics, "\n"+name+" ") {
			found = append(found, fmt.Errorf("there is no metric %s", name))
		}
	}
	for _, m := range metricLabel.FindAllStringSubmatch(expr, -1) {
		if m[2] != "instance" && !regexp.MustCompile(`(?m)^`+m[1]+`\{[^}]*`+m[2]+`="`).MatchString(metrics) {
			found = append(found, fmt.Errorf("the metric %s has no label %s", m[1], m[2]))
		}
	}
	return found
}
