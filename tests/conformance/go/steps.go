package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// One line of a case: what it says is done.

func must(holds bool, format string, arguments ...any) {
	if !holds {
		panic(unexpected(fmt.Sprintf(format, arguments...)))
	}
}

func check(f found, expected []word, c *call) found {
	must(f.meets(expected, c), "what came is %s", &f)
	return f
}

func numberOf(w word) int64 {
	number, err := strconv.ParseInt(w.text, 10, 64)
	if err != nil {
		panic(mistake(w.text + " is no number"))
	}
	return number
}

// begin is for "name: CALL" and "name*8: CALL".
func (s *stage) begin(label string, words []word) {
	name, times, many := strings.Cut(strings.TrimSuffix(label, ":"), "*")
	count := int64(1)
	if many {
		count = numberOf(word{text: times})
	}
	a := &actor{call: callOf(words)}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	s.actors[name] = a
	s.note(a.call)
	s.cache(a.call.at) // opened here, and not by many at once
	for range count {
		result := make(chan found, 1)
		a.results = append(a.results, result)
		go func() { result <- s.make(ctx, a.call, a) }()
	}
}

func (s *stage) collect(a *actor, expected []word) (last found) {
	for _, result := range a.results {
		s.wait("it ends", func() bool { return len(result) > 0 })
		last = <-result
		result <- last
		check(last, expected, a.call)
	}
	return last
}

func (s *stage) counter(words []word) uint64 {
	at := "main"
	if len(words) == 4 {
		at = words[3].text
	}
	count, ok := s.cache(at).Stats()[words[0].text]
	if !ok {
		panic(mistake("there is no counter " + words[0].text))
	}
	return count
}

func (s *stage) await(words []word) {
	switch {
	case len(words) > 2 && words[0].is("stat"):
		s.wait(words[1].text+" is "+words[2].text, func() bool {
			return s.counter(words[1:]) >= uint64(numberOf(words[2]))
		})
	case len(words) == 2 && words[0].is("called"):
		s.wait("the loaders were called that often", func() bool { return s.called.Load() >= numberOf(words[1]) })
	case len(words) == 2 && words[1].is("loading") && s.actors[words[0].text] != nil:
		s.wait("its loader is called", func() bool { return s.actors[words[0].text].loading.Load() > 0 })
	default:
		panic(mistake("await wants `stat NAME COUNT`, `called COUNT` or `ACTOR loading`"))
	}
}

func (s *stage) now(c *call) found {
	s.note(c)
	return s.make(context.Background(), c, nil)
}

func (s *stage) eventually(words, expected []word) (last found) {
	expected, between := split(expected, "between")
	c := callOf(words)
	s.wait("it comes to this", func() bool {
		last = s.now(c)
		if last.meets(expected, c) {
			return true
		}
		if len(between) > 0 {
			s.now(callOf(between))
		}
		return false
	})
	return last
}

func (s *stage) ttls(words []word) {
	keys, bounds := split(words, "within")
	if len(bounds) != 4 {
		panic(mistake("ttls wants `KEYS within LEAST MOST apart SPREAD`"))
	}
	var times []time.Duration
	for _, key := range keys {
		entry := s.now(&call{verb: "inspect", keys: []string{key.text}, at: "main"}).entry
		times = append(times, time.Duration(numberOf(word{text: entry["ttl_ms"]}))*time.Millisecond)
	}
	least, most := slices.Min(times), slices.Max(times)
	must(least >= durationOf(bounds[0]) && most <= durationOf(bounds[1]) && most-least >= durationOf(bounds[3]),
		"they are %v to %v", least, most)
}

// storm is KEY readers COUNT writes COUNT: strong readers, and a writer beside them whose rows are numbers that rise.
func (s *stage) storm(key string, readers, writes int64) {
	var acknowledged atomic.Int64
	var wrong atomic.Value
	var group sync.WaitGroup
	fetch := &call{verb: "fetch", keys: []string{key}, at: "main", ttl: timeToLive, strong: true}
	s.row(key, "0")
	s.now(fetch)
	for range readers {
		group.Add(1)
		go func() {
			defer group.Done()
			for least := int64(0); least < writes; least = acknowledged.Load() {
				f := s.make(context.Background(), fetch, nil)
				if number, err := strconv.ParseInt(string(f.value), 10, 64); err != nil || number < least {
					wrong.Store(fmt.Sprintf("%s was read after %d was written", &f, least))
				}
			}
		}()
	}
	for number := int64(1); number <= writes; number++ {
		s.row(key, strconv.FormatInt(number, 10))
		s.now(&call{verb: "invalidate", keys: []string{key}, at: "main"})
		acknowledged.Store(number)
	}
	group.Wait()
	must(wrong.Load() == nil, "%v", wrong.Load())
}

func (s *stage) openCache(name string, options, expected []word) {
	cache, err := s.open(options)
	if err != nil {
		check(failed(err), expected, nil)
		return
	}
	s.caches[name] = cache
	check(found{done: true}, expected, nil)
}

// tokenOf is that of the cache, or the one that is written between quotes.
func (s *stage) tokenOf(from word) (string, error) {
	if from.quoted {
		return from.text, nil
	}
	return s.cache(from.text).SessionToken()
}

// join is FROM [at CACHE]: the cache takes up the token of the cache FROM, or the one that is written between quotes.
func (s *stage) join(words, expected []word) {
	from, at := split(words, "at")
	to := "main"
	if len(at) > 0 {
		to = at[0].text
	}
	token, err := s.tokenOf(from[0])
	if err == nil {
		err = s.cache(to).JoinSession(token)
	}
	if err != nil {
		check(failed(err), expected, nil)
		return
	}
	check(found{done: true}, expected, nil)
}

func (s *stage) row(key, row string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.rows[key] = row
}

func (s *stage) tell(signal string) {
	told := s.signal(signal)
	select {
	case <-told:
	default:
		close(told)
	}
}

func (s *stage) checkAsked(words []word) {
	s.mutex.Lock()
	asked := slices.Sorted(slices.Values(s.asked))
	s.mutex.Unlock()
	var expected []string
	for _, word := range words {
		expected = append(expected, word.text)
	}
	slices.Sort(expected)
	must(slices.Equal(asked, expected), "the loader was asked for %q", asked)
}

// play does what the line says; what came of its call, if it has one.
func (s *stage) play(text string) (last found) {
	line, err := wordsOf(text)
	if err != nil || len(line) == 0 {
		panic(mistake(fmt.Sprint("no line of a case: ", err)))
	}
	words, expected := split(line, "->")
	first, rest := words[0], words[1:]
	switch {
	case first.is("options"):
		s.openCache("main", rest, expected)
	case first.is("cache"):
		s.openCache(rest[0].text, rest[1:], expected)
	case first.is("close"):
		s.cache(rest[0].text).Close()
		delete(s.caches, rest[0].text)
	case first.is("join"):
		s.join(rest, expected)
	case first.is("row"):
		s.row(rest[0].text, rest[1].text)
	case first.is("rows"):
		for _, word := range rest {
			s.row(word.text, word.text)
		}
	case first.is("tell"):
		s.tell(rest[0].text)
	case first.is("cancel"):
		s.actors[rest[0].text].cancel()
	case first.is("called"):
		must(s.called.Load() == numberOf(rest[0]), "the loaders were called %d times", s.called.Load())
	case first.is("asked"):
		s.checkAsked(rest)
	case first.is("stat"):
		count := s.counter(rest)
		must(count == uint64(numberOf(rest[1])), "it is %d", count)
	case first.is("await"):
		s.await(rest)
	case first.is("eventually"):
		return s.eventually(rest, expected)
	case first.is("storm"):
		s.storm(rest[0].text, numberOf(rest[2]), numberOf(rest[4]))
	case first.is("ttls"):
		s.ttls(rest)
	case !first.quoted && strings.HasSuffix(first.text, ":"):
		s.begin(first.text, rest)
	case len(rest) == 0 && s.actors[first.text] != nil:
		return s.collect(s.actors[first.text], expected)
	default:
		c := callOf(words)
		return check(s.now(c), expected, c)
	}
	return found{done: true}
}
