package collector

import (
	"strings"
	"testing"
	"time"
)

// TestStopDoesNotWaitForASinkThatHangs stops a collector whose sink has held a
// worker for longer than it takes to look at what waits.
func TestStopDoesNotWaitForASinkThatHangs(t *testing.T) {
	c := testConfig(t)
	c.Netflow.Workers = 1
	c.DrainTimeout = 200 * time.Millisecond
	d := start(t, c, nil)
	block := make(chan struct{})
	d.sink.mu.Lock()
	d.sink.block = block
	d.sink.mu.Unlock()
	write(t, exporter(t, d.Sockets()[0].Local, "127.0.0.1"), v5(0, 1, time.Now()))
	eventually(t, func() bool { return total(d.books).Datagrams > 0 })
	<-time.After(expireEvery * 3 / 2)
	d.stop()
	var err error
	select {
	case err = <-d.ended:
		if err == nil || !strings.Contains(err.Error(), "drain_timeout") {
			t.Errorf("error %v does not name the setting", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the stop waits for the sink")
	}
	close(block)
	if err == nil {
		err = <-d.ended
		t.Log("ended when the sink went on:", err)
	}
	d.once.Do(func() {})
	d.sink.wait(t, 1)
}
