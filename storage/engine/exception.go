package engine

import (
	"errors"
	"strconv"
	"strings"
)

// Codes of ClickHouse exceptions this package itself raises or looks at.
const (
	codeNoColumn       = 16
	codeNotImplemented = 48
	codeSyntax         = 62
	codeUnexpected     = 101
	codeUnknownSetting = 115
	codeTooMany        = 202
	codeDenied         = 497
	codeAuthentication = 516
	codeEngineFailed   = 1002
	codeIncorrectData  = 117
)

// exception is an error as a client gets it.
type exception struct {
	code    int
	message string
}

func (e *exception) Error() string { return "Code: " + strconv.Itoa(e.code) + ". " + e.message }

// raise makes an exception of the text of a refusal.
func raise(code int, message string) *exception { return &exception{code, message} }

// exceptionOf reads the code out of an error of the engine, which comes as
// "Code: 60. DB::Exception: Unknown table ...".
func exceptionOf(err error) *exception {
	if e := new(exception); errors.As(err, &e) {
		return e
	}
	text := err.Error()
	rest, ok := strings.CutPrefix(text, "Code: ")
	if !ok {
		return &exception{codeEngineFailed, text}
	}
	digits, message, ok := strings.Cut(rest, ". ")
	code, bad := strconv.Atoi(digits)
	if !ok || bad != nil {
		return &exception{codeEngineFailed, text}
	}
	return &exception{code, strings.TrimPrefix(message, "DB::Exception: ")}
}
