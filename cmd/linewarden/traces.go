package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/rules"
)

// tracerName names what makes the spans.
const tracerName = "github.com/linewarden/linewarden"

// traceTime bounds one delivery of spans, and that of the last ones at the end.
const traceTime = 5 * time.Second

// startTraces sends spans to the collector of the configuration until the returned
// function is called, which delivers the last ones. Without a collector no spans
// are made. What cannot be delivered is logged and forgotten: no audit waits for it.
func startTraces(ctx context.Context, c TracesConfig, log *slog.Logger) (stop func(context.Context), err error) {
	if c.Endpoint == "" {
		return func(context.Context) {}, nil
	}
	sender, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(c.Endpoint, "/")+"/v1/traces"), otlptracehttp.WithTimeout(traceTime))
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(sender), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "linewarden"), attribute.String("service.version", version()))))
	otel.SetTracerProvider(provider)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces were not delivered", "endpoint", c.Endpoint, "error", err)
	}))
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTime)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			otel.Handle(err)
		}
	}, nil
}

// span runs work within a span.
func span(ctx context.Context, name string, work func(ctx context.Context) error, what ...attribute.KeyValue) error {
	ctx, s := otel.Tracer(tracerName).Start(ctx, name, trace.WithAttributes(what...))
	defer s.End()
	err := work(ctx)
	failSpan(s, err)
	return err
}

// failSpan notes on a span that its work failed, if it did.
func failSpan(s trace.Span, err error) {
	if err != nil {
		s.RecordError(err)
		s.SetStatus(codes.Error, err.Error())
	}
}

// traced has a command and those below it run within a span of its name, where the
// configuration names a collector of traces.
func traced(g *globals, cmd *cobra.Command) *cobra.Command {
	for _, sub := range cmd.Commands() {
		traced(g, sub)
	}
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := g.config()
		if err != nil {
			return run(cmd, args) // which says what is wrong with the configuration, or needs none
		}
		stop, err := startTraces(cmd.Context(), cfg.Traces, g.logger())
		if err != nil {
			return err
		}
		defer stop(cmd.Context())
		return span(cmd.Context(), cmd.CommandPath(), func(ctx context.Context) error {
			cmd.SetContext(ctx)
			return run(cmd, args)
		})
	}
	return cmd
}

// tracedRules are the rules, each of which measures within a span of its own.
func tracedRules(catalogue []rules.Rule) []rules.Rule {
	list := make([]rules.Rule, len(catalogue))
	for i, r := range catalogue {
		measure, id := r.Measure, r.Spec.ID
		r.Measure = func(ctx context.Context, in rules.Inputs, p rules.Params) iter.Seq2[rules.Fact, error] {
			return func(yield func(rules.Fact, error) bool) {
				ctx, s := otel.Tracer(tracerName).Start(ctx, "rule "+id)
				defer s.End()
				subjects := 0
				for fact, err := range measure(ctx, in, p) {
					failSpan(s, err)
					subjects++
					if !yield(fact, err) {
						break
					}
				}
				s.SetAttributes(attribute.Int("subjects", subjects))
			}
		}
		list[i] = r
	}
	return list
}

// tracedReports makes the reports of the console within spans.
type tracedReports struct{ console.Reports }

// MakeReport implements console.Reports.
func (r tracedReports) MakeReport(ctx context.Context, req console.ReportRequest, progress func(share float64, step string)) (files map[string][]byte, err error) {
	err = span(ctx, "report quarterly", func(ctx context.Context) error {
		files, err = r.Reports.MakeReport(ctx, req, func(share float64, step string) {
			trace.SpanFromContext(ctx).AddEvent(step)
			progress(share, step)
		})
		return err
	}, attribute.String("quarter", req.Quarter), attribute.String("language", req.Language))
	return files, err
}
