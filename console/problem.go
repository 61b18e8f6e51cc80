package console

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/text/language"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/oidc"
)

// problem is an error of the API (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code says what is wrong to programs, one of problemTexts; it stays when
	// the words change.
	Code string `json:"code"`
}

// fault is what is wrong with a request, for people.
type fault struct {
	code string
	args []any
	err  error // says it in English; nil where problemTexts does
}

// because returns the fault of a code in problemTexts with what its text names.
func because(code string, args ...any) error { return &fault{code: code, args: args} }

// Error is the text in English.
func (f *fault) Error() string {
	if f.err != nil {
		return f.err.Error()
	}
	return fmt.Sprintf(problemTexts[f.code].EN, f.args...)
}

// Unwrap returns what was found wrong elsewhere.
func (f *fault) Unwrap() error { return f.err }

// faultOf finds what people are told of an error. What has no text of its own is
// told by its own words, which are English.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	for _, known := range []struct {
		err  error
		code string
	}{
		{accounts.ErrNone, "no_account"},
		{accounts.ErrExists, "name_taken"},
		{accounts.ErrLastAdmin, "last_admin"},
		{accounts.ErrName, "name_bad"},
		{accounts.ErrPassword, "password_weak"},
		{accounts.ErrLogin, "password_wrong"},
		{accounts.ErrLocked, "login_locked"},
		{accounts.ErrNotFirst, "setup_over"},
		{oidc.ErrAway, "sign_on_away"},
		{oidc.ErrProof, "sign_on_unproven"},
		{oidc.ErrDenied, "sign_on_denied"},
		{oidc.ErrNoRole, "sign_on_no_role"},
		{ErrImported, "ledgers_changed"},
		{ErrQuarter, "quarter"},
		{ErrNotBegun, "quarter_future"},
	} {
		if errors.Is(err, known.err) {
			return &fault{code: known.code, err: err}
		}
	}
	return nil
}

// problemOf tells an error in a language.
func problemOf(status int, err error, lang string) problem {
	p := problem{Title: http.StatusText(status), Status: status, Detail: err.Error(), Code: "other"}
	if f := faultOf(err); f != nil {
		p.Code = f.code
		if lang == chinese {
			p.Detail = fmt.Sprintf(problemTexts[f.code].ZH, f.args...)
		}
	}
	if title, ok := statusTexts[status]; ok && lang == chinese {
		p.Title = title
	}
	return p
}

// The languages of the console, as they are named in pages.
const (
	chinese = "zh-CN"
	english = "en"
)

// languages are those of the API, the first for who names none.
var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese}) //nolint:gochecknoglobals // a table

// spoken is the language a request is answered in: what a page names in its
// address, and a program in Accept-Language (RFC 9110 section 12.5.4). Pages are
// in Chinese, and answers to programs in English, where none is named.
func spoken(r *http.Request) string {
	if pageRequest(r) {
		return langOf(r)
	}
	if _, i := language.MatchStrings(languages, r.Header.Get("Accept-Language")); i == 1 {
		return chinese
	}
	return english
}
