package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/console/manual"
)

// fence is a fenced block of a page.
var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// manualStep is a block of a page that is a file or commands.
type manualStep struct {
	file     string // name, or "" for commands
	text     string
	notRun   string // why the commands are not run
	position int
}

// manualSteps returns the files and commands of a page, or what is wrong with it:
// a block of commands runs, or says why it does not.
func manualSteps(page string) (steps []manualStep, err error) {
	for i, m := range fence.FindAllStringSubmatch(page, -1) {
		words := strings.Fields(m[1])
		switch {
		case len(words) > 1 && strings.HasPrefix(words[1], "file="):
			steps = append(steps, manualStep{file: strings.TrimPrefix(words[1], "file="), text: m[2], position: i})
		case len(words) == 0:
			return nil, fmt.Errorf("block %d says not what it is", i)
		case words[0] == "console":
			reason, skipped := strings.CutPrefix(strings.TrimSpace(strings.TrimPrefix(m[1], "console")), "not-run:")
			if skipped && strings.TrimSpace(reason) == "" || !skipped && len(words) > 1 {
				return nil, fmt.Errorf("block %d is neither run nor says why not", i)
			}
			steps = append(steps, manualStep{text: m[2], notRun: strings.TrimSpace(reason), position: i})
			if !skipped {
				steps[len(steps)-1].notRun = ""
			}
		case words[0] == "sh" || words[0] == "bash" || words[0] == "shell":
			return nil, fmt.Errorf("block %d: commands stand in blocks of console", i)
		}
	}
	return steps, nil
}

// TestManualCommands runs the commands of the manual, each page in a directory of
// its own. In a block of console a line that begins with "$ " is run and must
// succeed, or end with the code of "# exit N" at its end; other lines must be
// in what it prints. The ports of the pages become free ones, and the router
// 192.0.2.1, where a daemon runs, this machine.
func TestManualCommands(t *testing.T) {
	ran := 0
	for _, page := range manual.Pages(manual.English) {
		steps, err := manualSteps(page.Text)
		if err != nil {
			t.Errorf("%s: %v", page.ID, err)
		}
		if len(steps) == 0 {
			continue
		}
		t.Run(page.ID, func(t *testing.T) { ran += newManualRun(t).all(steps) })
	}
	if ran < 20 {
		t.Errorf("only %d commands were run", ran)
	}
}

// manualRun runs the commands of one page.
type manualRun struct {
	t      *testing.T
	dir    string
	ports  *strings.Replacer
	daemon *exec.Cmd
	log    *os.File
}

func newManualRun(t *testing.T) *manualRun {
	t.Helper()
	var pairs []string
	for _, port := range []string{"2055", "4739", "6343", "1790", "1791", "8080"} {
		free, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, ":"+port, fmt.Sprintf(":%d", free.Port()))
	}
	return &manualRun{t: t, dir: t.TempDir(), ports: strings.NewReplacer(append(pairs, "192.0.2.1,", "127.0.0.1,", "192.0.2.1 ", "127.0.0.1 ")...)}
}

// all runs the steps and returns how many commands it ran.
func (r *manualRun) all(steps []manualStep) (ran int) {
	r.t.Helper()
	for _, s := range steps {
		if s.file != "" {
			name := filepath.Join(r.dir, filepath.FromSlash(s.file))
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, []byte(r.ports.Replace(s.text)), 0o600)); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if s.notRun == "" {
			ran += r.block(s)
		}
	}
	return ran
}

var wantedExit = regexp.MustCompile(`\s+# exit (\d+)$`)

// block runs the commands of one block.
func (r *manualRun) block(s manualStep) (ran int) {
	r.t.Helper()
	output := ""
	for line := range strings.Lines(s.text) {
		line = strings.TrimSpace(line)
		command, is := strings.CutPrefix(line, "$ ")
		switch {
		case line == "" || line == "…":
		case !is:
			if !strings.Contains(output, line) {
				r.t.Errorf("block %d: the output has not %q:\n%s", s.position, line, output)
			}
		case strings.HasSuffix(command, "&"):
			r.start(command)
			ran++
		default:
			output = r.command(command)
			ran++
		}
	}
	return ran
}

func (r *manualRun) environment() []string {
	return append(os.Environ(), "PATH="+filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"), "LINEWARDEN_CONFIG=")
}

// command runs one command and returns what it printed.
func (r *manualRun) command(line string) string {
	r.t.Helper()
	want := "0"
	if m := wantedExit.FindStringSubmatch(line); m != nil {
		want, line = m[1], strings.TrimSuffix(line, m[0])
	}
	c := exec.CommandContext(r.t.Context(), "sh", "-c", r.ports.Replace(line))
	c.Dir, c.Env = r.dir, r.environment()
	out, err := c.CombinedOutput()
	if got := fmt.Sprint(c.ProcessState.ExitCode()); got != want {
		r.t.Fatalf("%s: exit code %s, want %s: %v\n%s", line, got, want, err, out)
	}
	return string(out)
}

// start runs a daemon until the end of the test, and sends it flows as a router would.
func (r *manualRun) start(line string) {
	r.t.Helper()
	var err error
	if r.log, err = os.Create(filepath.Join(r.t.TempDir(), "log")); err != nil {
		r.t.Fatal(err)
	}
	line = strings.TrimSpace(strings.TrimSuffix(r.ports.Replace(line), "&"))
	r.daemon = exec.Command("sh", "-c", "exec "+line)
	r.daemon.Dir, r.daemon.Env, r.daemon.Stderr = r.dir, r.environment(), r.log
	if err := r.daemon.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := r.daemon.Process.Signal(syscall.SIGTERM); err != nil {
			r.t.Error(err)
		}
		if err := r.daemon.Wait(); err != nil {
			r.t.Errorf("the daemon ended: %v\n%s", err, r.logged())
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !strings.Contains(r.logged(), "console is ready") {
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatalf("the daemon is not ready after 30 s\n%s", r.logged())
		}
	}
	_, netflow := addresses(r.logged())
	conn, err := net.Dial("udp", netflow.String())
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range 4 {
		if _, err := conn.Write(netflow5(uint32(i) * 30)); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *manualRun) logged() string {
	b, err := os.ReadFile(r.log.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(bytes.TrimSpace(b))
}

// TestManualSteps plants what the pages must not have.
func TestManualSteps(t *testing.T) {
	for _, bad := range []string{"```console not-run:\n$ a\n```\n", "```console some\n$ a\n```\n", "```sh\na\n```\n", "```\na\n```\n"} {
		if steps, err := manualSteps(bad); err == nil {
			t.Errorf("%q gives %v", bad, steps)
		}
	}
	steps, err := manualSteps("```csv file=a/b.csv\nx\n```\n\n```console\n$ true\n```\n\n```console not-run: needs a router\n$ false\n```\n")
	if err != nil || len(steps) != 3 || steps[0].file != "a/b.csv" || steps[1].notRun != "" || steps[2].notRun == "" {
		t.Errorf("%v, %v", steps, err)
	}
}

// TestManualCommand prints pages and lists them.
func TestManualCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"manual"}, "tutorial"},
		{[]string{"manual", "--lang", "en", "tutorial"}, "# "},
		{[]string{"manual", "tutorial.md"}, "# "},
	} {
		out, err := exec.Command(program, c.args...).Output()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v\n%s", c.args, err, out)
		}
	}
	if err := exec.Command(program, "manual", "nothing").Run(); err == nil {
		t.Error("a page that is not there is printed")
	}
}
