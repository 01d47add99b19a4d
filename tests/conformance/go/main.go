// Conform plays the conformance cases in Go:  conform URL CASES...
//
// It prints a line of JSON for each case and exits 1 if one failed.
//
// As one of a fleet it plays lines as they come:  conform agent URL PREFIX
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// Cases spend their time waiting, each below a prefix of its own.
const atOnce = 8

// What a case may need, and why it can't be had in Go.
var needs = map[string]string{
	"server": "", "memory": "", "throwing": "", "partial": "", "cancel": "", "waiting": "", "renewing": "", "keeping": "",
	"forgetting-is-absent": "",
	"forgetting-fails":     "a key that a batch loader leaves out is absent",
	"nonsense":             "a loader returns bytes, or it is not compiled",
	"counting":             "Delete tells no number",
	"inline":               "a refresh is always done behind the call",
}

type verdict struct {
	Chapter string `json:"chapter"`
	Case    string `json:"case"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// lackOf is why the case can't be played; "": it can.
func lackOf(test *testCase, url string) string {
	inMemory := strings.HasPrefix(url, "memory:")
	for _, need := range test.needs {
		lack, ok := needs[need]
		switch {
		case !ok:
			panic(mistake("it needs " + need + ", which nobody knows"))
		case need == "server" && inMemory:
			return "a memory:// cache has no second one on the same keys"
		case need == "memory" && !inMemory:
			return "about memory:// alone"
		case lack != "":
			return lack
		}
	}
	return ""
}

// problemOf is what a panic of a step says.
func problemOf(work func()) (problem string) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case mistake:
			problem = string(value)
		case unexpected:
			problem = string(value)
		default:
			panic(value)
		}
	}()
	work()
	return ""
}

func verdictOf(test *testCase, url, prefix string) (string, string) {
	lack := ""
	if problem := problemOf(func() { lack = lackOf(test, url) }); problem != "" {
		return "FAILED", problem
	}
	if lack != "" {
		return "n/a", lack
	}
	stage, reason := newStage(url, prefix), ""
	for _, line := range test.lines {
		if problem := problemOf(func() { stage.play(line.text) }); problem != "" {
			reason = fmt.Sprintf("%s: %s: %s", line.place, line.text, problem)
			break
		}
	}
	if problem := problemOf(stage.clear); problem != "" && reason == "" {
		reason = problem
	}
	if reason != "" {
		return "FAILED", reason
	}
	return "ok", ""
}

func playAll(url string, cases []*testCase) (failed int) {
	prefix := "resilicache-conform:" + rand.Text() + ":"
	var next atomic.Int64
	var group sync.WaitGroup
	var output sync.Mutex
	encoder := json.NewEncoder(os.Stdout)
	for range atOnce {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := next.Add(1) - 1; i < int64(len(cases)); i = next.Add(1) - 1 {
				test := cases[i]
				what, reason := verdictOf(test, url, fmt.Sprintf("%s%d:", prefix, i))
				output.Lock()
				if what == "FAILED" {
					failed++
				}
				encoder.Encode(verdict{test.chapter, test.name, what, reason})
				output.Unlock()
			}
		}()
	}
	group.Wait()
	return failed
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: conform URL CASES... | conform agent URL PREFIX")
		os.Exit(2)
	}
	if os.Args[1] == "agent" && len(os.Args) == 4 {
		serve(newStage(os.Args[2], os.Args[3]), os.Stdin)
		return
	}
	cases, err := readCases(os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if playAll(os.Args[1], cases) > 0 {
		os.Exit(1)
	}
}
