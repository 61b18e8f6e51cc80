package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// kubernetesObject is what the checks look at of a manifest.
type kubernetesObject struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Type                  string
		ExternalTrafficPolicy string `yaml:"externalTrafficPolicy"`
		SessionAffinity       string `yaml:"sessionAffinity"`
		Selector              any
		Ports                 []struct {
			Protocol   string
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []struct {
					Ports []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
						Protocol      string
					}
					SecurityContext struct {
						Root bool `yaml:"readOnlyRootFilesystem"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

// kubernetesProblems says what would lose exporters or their addresses.
func kubernetesProblems(manifests string) (found []string, err error) {
	var service, set int
	ports := make(map[string]string)
	var used []string
	for text := range strings.SplitSeq(manifests, "\n---\n") {
		var o kubernetesObject
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		switch {
		case o.Kind == "Service" && o.Spec.Type == "LoadBalancer":
			service++
			if o.Spec.ExternalTrafficPolicy != "Local" || o.Spec.SessionAffinity != "ClientIP" {
				found = append(found, o.Metadata.Name+" does not keep an exporter on one collector")
			}
			for _, p := range o.Spec.Ports {
				used = append(used, p.TargetPort+"/"+p.Protocol)
			}
		case o.Kind == "StatefulSet":
			set++
			for _, c := range o.Spec.Template.Spec.Containers {
				if !c.SecurityContext.Root {
					found = append(found, "the root is not read-only")
				}
				for _, p := range c.Ports {
					ports[p.Name+"/"+p.Protocol] = fmt.Sprint(p.ContainerPort)
				}
			}
		}
	}
	for _, u := range used {
		if ports[u] == "" {
			found = append(found, "no container has the port "+u)
		}
	}
	if service == 0 || set == 0 {
		found = append(found, "there is no service or no set")
	}
	return found, nil
}

// TestDeployKubernetes lets kubectl build the manifests, and looks at what flows
// depend on. That a server would take them is not checked.
func TestDeployKubernetes(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed: it is what builds manifests")
	}
	out, err := exec.Command(kubectl, "kustomize", filepath.Join(deployFolder, "kubernetes")).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v\n%s", err, out)
	}
	found, err := kubernetesProblems(string(out))
	if err != nil || len(found) > 0 {
		t.Errorf("%v %v", found, err)
	}
	// Planted: the address of the exporter is lost.
	bad := strings.Replace(string(out), "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster", 1)
	if found, err := kubernetesProblems(bad); err != nil || len(found) != 1 {
		t.Errorf("a planted mistake gives %v %v", found, err)
	}
	if _, err := LoadConfig(filepath.Join(deployFolder, "kubernetes", "linewarden.yaml"), t.TempDir()); err != nil {
		t.Error(err)
	}
}

// TestDeployProbes runs the probes of the manifests and of the image, as they are
// written, against a daemon, and against none.
func TestDeployProbes(t *testing.T) {
	list := regexp.MustCompile(`\[(?:"bash", "-c"|bash, -c), ("exec .*")\]`).FindAllStringSubmatch(readDeploy(t, "kubernetes/statefulset.yaml")+readDeploy(t, "docker/Dockerfile"), -1)
	if len(list) != 3 {
		t.Fatalf("there are %d probes", len(list))
	}
	address, err := url.Parse(startServe(t, t.TempDir()).url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		script, err := strconv.Unquote(m[1])
		if err != nil {
			t.Fatal(err)
		}
		aim := func(port string) string { return strings.Replace(script, "/8080", "/"+port, 1) }
		if out, err := exec.Command("bash", "-c", aim(address.Port())).CombinedOutput(); err != nil {
			t.Errorf("%s says of a daemon: %v %s", script, err, out)
		}
		if exec.Command("bash", "-c", aim("1")).Run() == nil {
			t.Errorf("%s says of nothing that it is well", script)
		}
	}
}

// TestDeployGrafana wants the metrics that the dashboard names to be in the program.
func TestDeployGrafana(t *testing.T) {
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readDeploy(t, "grafana/linewarden.json")), &d); err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, m := range describedMetrics(t) {
		known[m.name] = true
	}
	unknown := func(expr string) (names []string) {
		for _, n := range metricName.FindAllString(expr, -1) {
			if base := strings.TrimSuffix(strings.TrimSuffix(n, "_sum"), "_count"); !known[n] && !known[base] {
				names = append(names, n)
			}
		}
		return names
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			if names := unknown(q.Expr); len(names) > 0 {
				t.Errorf("%s: there is no metric %v", p.Title, names)
			}
		}
	}
	if len(d.Panels) < 10 || len(unknown("linewarden_tears")) != 1 {
		t.Errorf("%d panels, or a planted metric is not noticed", len(d.Panels))
	}
}
