package custom

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
)

// The limits of an expression.
const (
	// MaxExpressionBytes is its length.
	MaxExpressionBytes = 4096
	// maxDepth is how deep its parentheses may be nested.
	maxDepth = 32
	// maxCost is what one evaluation may cost, in the units of CEL: about one
	// for each operator and each element of a list that is visited.
	maxCost = 20_000
)

// languages are the CEL environments of one rule.
type languages struct {
	row     *cel.Env // row, subject and parameters
	subject *cel.Env // subject and parameters
}

// newLanguages declares what the expressions of a rule may name.
func newLanguages(rowType reflect.Type, params []string) (languages, error) {
	common := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(MaxExpressionBytes), cel.ParserRecursionLimit(maxDepth),
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[subject](), rowType),
		cel.Variable("subject", cel.ObjectType("custom.subject")),
	}
	for _, p := range params {
		common = append(common, cel.Variable("params."+p, cel.DoubleType))
	}
	about, err := cel.NewEnv(common...)
	if err != nil {
		return languages{}, fmt.Errorf("prepare expressions: %w", err)
	}
	of, err := about.Extend(cel.Variable("row", cel.ObjectType("custom."+rowType.Name())))
	if err != nil {
		return languages{}, fmt.Errorf("prepare expressions: %w", err)
	}
	return languages{row: of, subject: about}, nil
}

// expression is a compiled expression. It is safe for concurrent use.
type expression struct {
	program cel.Program
	source  string
}

// expressionError is a mistake in an expression, at a line of it that counts
// from 1.
type expressionError struct {
	line    int
	message string
}

func (e *expressionError) Error() string { return e.message }

// compile checks an expression and what it can cost.
func compile(env *cel.Env, source string, want *cel.Type) (*expression, error) {
	if len(source) > MaxExpressionBytes {
		return nil, &expressionError{1, fmt.Sprintf("the expression has %d bytes, at most %d are taken; split the rule into two", len(source), MaxExpressionBytes)}
	}
	ast, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		return nil, issueOf(issues)
	}
	whole := want == cel.DoubleType && ast.OutputType().IsExactType(cel.IntType)
	if out := ast.OutputType(); !out.IsExactType(want) && !whole {
		return nil, &expressionError{1, fmt.Sprintf("the expression gives %s, it must give %s; compare with >, <, == or in", out, want)}
	}
	cost, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, &expressionError{1, fmt.Sprintf("the cost of the expression cannot be told: %v", err)}
	}
	if cost.Max > maxCost {
		return nil, &expressionError{1, fmt.Sprintf("the expression may cost %d, at most %d is allowed; nest fewer loops over lists", cost.Max, maxCost)}
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &expressionError{1, err.Error()}
	}
	return &expression{program: program, source: source}, nil
}

// issueOf makes one line of the first mistake CEL found.
func issueOf(issues *cel.Issues) error {
	all := issues.Errors()
	if len(all) == 0 {
		return &expressionError{1, issues.Err().Error()}
	}
	first := all[0]
	text := strings.ReplaceAll(first.Message, "\n", " ")
	switch {
	case strings.Contains(text, "no matching overload") && strings.Contains(text, "double"):
		text += "; figures are doubles, write 8.0 and not 8 in sums, products and with =="
	case strings.Contains(text, "undefined field"):
		text += "; see the columns of the fact"
	case strings.Contains(text, "undeclared reference"):
		text += "; an expression may name row, subject and params.NAME"
	}
	if n := len(all); n > 1 {
		text += fmt.Sprintf(" (and %d more)", n-1)
	}
	return &expressionError{first.Location.Line(), text}
}

// sizes tells CEL how long the lists and words of a fact can be.
type sizes struct{}

// EstimateSize implements checker.CostEstimator.
func (sizes) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	switch element.Type().Kind() {
	case types.ListKind:
		return &checker.SizeEstimate{Min: 0, Max: 24}
	case types.StringKind:
		return &checker.SizeEstimate{Min: 0, Max: 256}
	default:
		return nil
	}
}

// EstimateCallCost implements checker.CostEstimator.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

var _ checker.CostEstimator = sizes{}

// holds evaluates an expression that gives a bool.
func (e *expression) holds(values map[string]any) (bool, error) {
	out, _, err := e.program.Eval(values)
	if err != nil {
		return false, fmt.Errorf("evaluate %q: %w", e.source, err)
	}
	b, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("evaluate %q: %w", e.source, errType)
	}
	return b, nil
}

// number evaluates an expression that gives a number.
func (e *expression) number(values map[string]any) (float64, error) {
	out, _, err := e.program.Eval(values)
	if err != nil {
		return 0, fmt.Errorf("evaluate %q: %w", e.source, err)
	}
	switch v := out.Value().(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	}
	return 0, fmt.Errorf("evaluate %q: %w", e.source, errType)
}

var errType = errors.New("the expression gave another type than it promised")
