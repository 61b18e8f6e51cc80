// Package pdf typesets reports in Chinese and English: headings, paragraphs,
// tables that repeat their headings on each page, and bar charts, on A4 with
// page numbers and a watermark. Text is set in an open font that the package
// carries; a document holds only the glyphs it uses. The same calls give the
// same bytes: nothing of a document comes from the clock.
//
// It knows nothing of findings. Only report and what lies below it import it.
package pdf
