package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Cases as they are written: chapters, cases, lines, words.  docs/conformance.md has the grammar.

type word struct {
	text   string
	quoted bool
}

// is tells whether it is this bare word.
func (w word) is(text string) bool { return !w.quoted && w.text == text }

type line struct{ place, text string }

type testCase struct {
	chapter, name string
	needs         []string
	lines         []line
}

// A quoted text, perhaps repeated; a comment; or a bare word, perhaps a name that is counted through.
var (
	aWord   = regexp.MustCompile(`^\s*(?:"((?s:[^"\\]|\\.)*)"(?:\*(\d+))?|(#.*)|([^\s"]+))`)
	anEnd   = regexp.MustCompile(`^(\s|$)`)
	escape  = regexp.MustCompile(`(?s)\\(x[0-9a-fA-F]{2}|.)`)
	counted = regexp.MustCompile(`^(.*)\*(\d+)$`)
	named   = map[string]string{"n": "\n", "t": "\t", "r": "\r", "0": "\x00"}
)

func unescaped(text string) string {
	return escape.ReplaceAllStringFunc(text, func(found string) string {
		if len(found) == 4 {
			code, _ := strconv.ParseUint(found[2:], 16, 8)
			return string([]byte{byte(code)})
		}
		if char, ok := named[found[1:]]; ok {
			return char
		}
		return found[1:]
	})
}

func wordsOf(text string) (words []word, err error) {
	for strings.TrimSpace(text) != "" {
		found := aWord.FindStringSubmatchIndex(text)
		if found == nil || found[2] >= 0 && !anEnd.MatchString(text[found[1]:]) {
			return nil, errors.New("a quoted text without its end, or with something right behind it")
		}
		switch {
		case found[2] >= 0:
			times := 1
			if found[4] >= 0 {
				times, _ = strconv.Atoi(text[found[4]:found[5]])
			}
			words = append(words, word{strings.Repeat(unescaped(text[found[2]:found[3]]), times), true})
		case found[8] >= 0:
			words = append(words, bareWords(text[found[8]:found[9]])...)
		}
		text = text[found[1]:]
	}
	return words, nil
}

// bareWords are one, but key*3 is key1 key2 key3.
func bareWords(text string) (words []word) {
	found := counted.FindStringSubmatch(text)
	if found == nil {
		return []word{{text, false}}
	}
	count, _ := strconv.Atoi(found[2])
	for number := 1; number <= count; number++ {
		words = append(words, word{found[1] + strconv.Itoa(number), false})
	}
	return words
}

// split cuts at the bare word.
func split(words []word, at string) (before, behind []word) {
	for i, word := range words {
		if word.is(at) {
			return words[:i], words[i+1:]
		}
	}
	return words, nil
}

func readCases(paths []string) (cases []*testCase, err error) {
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		chapter, number := "", 0
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			number++
			text := strings.TrimSpace(lines.Text())
			first, rest, _ := strings.Cut(text, " ")
			switch {
			case text == "" || text[0] == '#':
			case first == "chapter":
				chapter = rest
			case first == "case":
				cases = append(cases, &testCase{chapter: chapter, name: rest})
			case len(cases) == 0 || cases[len(cases)-1].chapter != chapter:
				return nil, fmt.Errorf("%s:%d: a line before the first case of its chapter", path, number)
			case first == "needs":
				last := cases[len(cases)-1]
				last.needs = append(last.needs, strings.Fields(rest)...)
			default:
				last := cases[len(cases)-1]
				last.lines = append(last.lines, line{fmt.Sprintf("%s:%d", filepath.Base(path), number), text})
			}
		}
	}
	return cases, nil
}
