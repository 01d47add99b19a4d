package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/resilicache/resilicache/bindings/go-cgo"
)

const timeToLive = time.Minute

// A call as a case writes it.
type call struct {
	verb                         string
	keys                         []string
	value, owner, after, failure string
	at                           string
	ttl, lease, deadline         time.Duration
	strong, eventual, waiting    bool
	fails, throws, permanently   bool
	intent                       bool
	forgotten                    []string
	version, primary             uint64
	seeing                       *word // the cache whose token it is given, or the token between quotes
}

var verbs = strings.Fields("fetch batch get set raw-get raw-set invalidate delete inspect lock renew unlock update")
var aTime = regexp.MustCompile(`^\d+m?s$`)

func durationOf(w word) time.Duration {
	if !aTime.MatchString(w.text) {
		panic(mistake(w.text + " is no time: write 250ms or 3s"))
	}
	duration, _ := time.ParseDuration(w.text)
	return duration
}

func (c *call) takeFlag(w word) bool {
	flags := map[string]*bool{"strong": &c.strong, "eventual": &c.eventual, "waiting": &c.waiting,
		"intent":      &c.intent,
		"permanently": &c.permanently, "inline": new(bool), "nonsense": new(bool)} // what needs the last two is not for Go
	flag := flags[w.text]
	if w.quoted || flag == nil {
		return false
	}
	*flag = true
	return true
}

// takeAttribute takes what stands behind it.
func (c *call) takeAttribute(name, value word) bool {
	texts := map[string]*string{"at": &c.at, "by": &c.owner, "to": &c.value, "after": &c.after, "fails": &c.failure, "throws": &c.failure}
	times := map[string]*time.Duration{"ttl": &c.ttl, "lease": &c.lease, "deadline": &c.deadline}
	switch {
	case name.quoted:
		return false
	case texts[name.text] != nil:
		*texts[name.text] = value.text
		c.fails = c.fails || name.is("fails")
		c.throws = c.throws || name.is("throws")
		return true
	case name.is("seeing"):
		c.seeing = &value
		return true
	case name.is("primary"):
		c.primary, _ = strconv.ParseUint(value.text, 10, 64)
		return true
	case name.is("version"):
		c.version, _ = strconv.ParseUint(value.text, 10, 64)
		return true
	case times[name.text] != nil:
		*times[name.text] = durationOf(value)
		return true
	}
	return false
}

func isAttribute(w word) bool {
	var unused call
	return w.is("forgetting") || unused.takeFlag(w) || unused.takeAttribute(w, word{text: "1s"})
}

// takePlain takes the words before the next attribute.
func takePlain(words []word) (plain []string, rest []word) {
	for len(words) > 0 && !isAttribute(words[0]) {
		plain, words = append(plain, words[0].text), words[1:]
	}
	return plain, words
}

func callOf(words []word) *call {
	if len(words) == 0 || words[0].quoted || !slices.Contains(verbs, words[0].text) {
		panic(mistake("neither a step nor a call"))
	}
	c := &call{verb: words[0].text, at: "main", ttl: timeToLive}
	c.keys, words = takePlain(words[1:])
	if last := len(c.keys) - 1; strings.HasSuffix(c.verb, "set") && last >= 0 {
		c.value, c.keys = c.keys[last], c.keys[:last]
	}
	if len(c.keys) != 1 && !slices.Contains([]string{"batch", "invalidate", "delete"}, c.verb) {
		panic(mistake(c.verb + " wants one key, or this is something that no call has"))
	}
	for len(words) > 0 {
		first := words[0]
		words = words[1:]
		switch {
		case first.is("forgetting"):
			c.forgotten, words = takePlain(words)
		case c.takeFlag(first):
		case len(words) > 0 && c.takeAttribute(first, words[0]):
			words = words[1:]
		default:
			panic(mistake(first.text + " is nothing that a call has, or wants something behind it"))
		}
	}
	return c
}

// What came: of one call, or of one key of a batch.
type found struct {
	value  []byte // nil: absent
	done   bool
	entry  map[string]string
	status string // of a failure
	said   string
	many   []found // of a batch
}

var errLoader = errors.New("a loader of a case")

// failed is what the error is in terms of the core: contexts and loaders fail in Go's own way.
func failed(err error) found {
	var own *resilicache.Error
	status := "RCACHE_E_LOADER"
	switch {
	case errors.As(err, &own):
		status = own.Status.String()
	case errors.Is(err, context.DeadlineExceeded):
		status = resilicache.StatusTimeout.String()
	case errors.Is(err, context.Canceled):
		status = resilicache.StatusCanceled.String()
	case !errors.Is(err, errLoader) && !errors.Is(err, resilicache.ErrLoader):
		status = "an error that nobody knows"
	}
	return found{status: status, said: err.Error()}
}

func (f *found) failure() *found {
	if f.status != "" {
		return f
	}
	for i := range f.many {
		if f.many[i].status != "" {
			return &f.many[i]
		}
	}
	return nil
}

func (f *found) meetsOne(w word) bool {
	switch {
	case w.quoted:
		return f.value != nil && string(f.value) == w.text
	case strings.HasPrefix(w.text, "RCACHE_"):
		return f.status == w.text
	case w.text == "absent":
		return f.value == nil && f.entry == nil && f.status == "" && !f.done
	}
	return w.text == "done" && f.done
}

func lineMeets(line string, w word) bool {
	least, most, bounds := strings.Cut(w.text, "..")
	if !bounds || w.quoted {
		return line == w.text
	}
	number, err := strconv.Atoi(line)
	low, _ := strconv.Atoi(least)
	high, _ := strconv.Atoi(most)
	return err == nil && low <= number && number <= high
}

func (f *found) entryMeets(expected []word) bool {
	for i := 0; i+1 < len(expected); i += 2 {
		line, ok := f.entry[expected[i].text]
		if !ok || !lineMeets(line, expected[i+1]) {
			return false
		}
	}
	return len(expected)%2 == 0
}

func (f *found) manyMeet(expected []word, c *call) bool {
	if len(expected) == 1 && expected[0].is("named") {
		expected = nil
		for _, key := range c.keys {
			expected = append(expected, word{key, true})
		}
	}
	if len(expected) != len(f.many) {
		return false
	}
	for i := range expected {
		if !f.many[i].meetsOne(expected[i]) {
			return false
		}
	}
	return true
}

func (f *found) meets(expected []word, c *call) bool {
	if len(expected) == 0 {
		return f.failure() == nil
	}
	said := len(expected) == 3 && expected[1].is("saying")
	switch first := expected[0]; {
	case !first.quoted && strings.HasPrefix(first.text, "RCACHE_") && (len(expected) == 1 || said):
		failure := f.failure()
		return failure != nil && failure.meetsOne(first) && (!said || strings.Contains(failure.said, expected[2].text))
	case f.entry != nil && len(expected) > 1:
		return f.entryMeets(expected)
	case c != nil && c.verb == "batch":
		return f.manyMeet(expected, c)
	default:
		return len(expected) == 1 && f.meetsOne(first)
	}
}

func (f *found) String() string {
	switch {
	case f.status != "":
		return fmt.Sprintf("%s (%s)", f.status, f.said)
	case f.value != nil && len(f.value) > 60:
		return fmt.Sprintf("%q... of %d bytes", f.value[:60], len(f.value))
	case f.value != nil:
		return strconv.Quote(string(f.value))
	case f.entry != nil:
		return fmt.Sprint(f.entry)
	case f.many != nil:
		var shown []string
		for i := range f.many[:min(20, len(f.many))] {
			shown = append(shown, f.many[i].String())
		}
		return strings.Join(shown, " ")
	case f.done:
		return "done"
	}
	return "absent"
}
