// Package tig has the one type of nerdctl's test framework that the nerdctl command needs
// to be built. No command of nerdctl uses it.
package tig

// T is what nerdctl's package testutil calls of a testing.T.
type T interface {
	FailNow()
	Helper()
	Log(args ...any)
}
