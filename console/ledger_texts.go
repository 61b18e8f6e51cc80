package console

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ledgerText says what is wrong in an uploaded file in Chinese. en is how package
// registry says it, where %q stands for a quoted cell, %d for a number and %s for
// anything; zh names these by their places. A hint may follow what is said.
type ledgerText struct{ code, en, zh string }

// ledgerTexts are tried in their order, the particular ones first. A test holds
// them against all that package registry is known to say.
var ledgerTexts = []ledgerText{
	// A cell.
	{"control_character", `%q has a control character (%s) in it; type it again`, `%[1]s 含有控制字符（%[2]s）；请重新输入`},
	{"invisible_character", `%q has an invisible character (%s) in it; type it again`, `%[1]s 含有不可见字符（%[2]s）；请重新输入`},
	{"full_width", `%q has full-width characters; write %q`, `%[1]s 含有全角字符；请改为 %[2]s`},
	{"formula", `%q begins with %s, which a spreadsheet runs as a formula; an id begins with a letter or a digit`, `%[1]s 以 %[2]s 开头，会被电子表格当作公式；编号须以字母或数字开头`},
	{"one_id", `%q has a ; in it, which separates the entries of a list; one id is wanted here`, `%[1]s 含有分号，而分号用来分隔列表各项；此处只能填一个编号`},
	{"id_long", `%q is %d bytes long; an id has at most %d`, `%[1]s 长 %[2]s 字节；编号至多 %[3]s 字节`},
	{"empty_entry", `%q has an empty entry between two semicolons; remove one of them`, `%[1]s 的两个分号之间是空的；请删去一个`},
	{"comma", `%q has a comma in it; the entries of a list are separated by semicolons`, `%[1]s 含有逗号；列表各项以分号分隔`},
	{"yes_no", `%q is neither yes nor no`, `%[1]s 既不是 yes 也不是 no`},
	{"date", `%q is not a date of the form YYYY-MM-DD`, `%[1]s 不是 YYYY-MM-DD 形式的日期`},
	{"date_early", `%s is before 1970-01-01, where days begin here; check the year`, `%[1]s 早于 1970-01-01；请核对年份`},
	{"place", `%q is not a place; write the GB/T 2260 code, two digits for a province or six for a city, such as 33 or 330100`, `%[1]s 不是地点；请填 GB/T 2260 代码，省级两位、市级六位，例如 33 或 330100`},
	{"place_four", `%q has four digits; a city is written with six: %s`, `%[1]s 是四位；市级代码为六位：%[2]s`},
	{"place_digits", `%q has %d digits; a GB/T 2260 code has two for a province or six for a city`, `%[1]s 是 %[2]s 位；GB/T 2260 代码省级两位、市级六位`},
	{"place_unknown", `%q is in no province: GB/T 2260 has no code that begins with %s`, `%[1]s 不属于任何省份：GB/T 2260 没有以 %[2]s 开头的代码`},
	{"country", `%q is not a country code; write the two letters of ISO 3166-1, such as SG`, `%[1]s 不是国家或地区代码；请填 ISO 3166-1 两字母代码，例如 SG`},
	{"capitals", `%q is not in capitals; write %s`, `%[1]s 不是大写；请改为 %[2]s`},
	{"too_large", `%q is too large`, `%[1]s 过大`},
	{"asn_dotted", `%q is in dotted notation; write %d`, `%[1]s 是点分写法；请改为 %[2]s`},
	{"asn_range", `%q is not an AS number; it must be from 1 to %d`, `%[1]s 不是 AS 号；须在 1 到 %[2]s 之间`},
	{"asn", `%q is not an AS number`, `%[1]s 不是 AS 号`},
	{"sampling_range", `%q is not a number of packets per sample; it must be from 1 to %d`, `%[1]s 不是采样比（每个样本的包数）；须在 1 到 %[2]s 之间`},
	{"sampling", `%q is not a number of packets per sample`, `%[1]s 不是采样比（每个样本的包数）`},
	{"if_index_range", `%q is not an interface index; it must be from 1 to %d`, `%[1]s 不是接口索引 ifIndex；须在 1 到 %[2]s 之间`},
	{"if_index", `%q is not an interface index`, `%[1]s 不是接口索引 ifIndex`},
	{"number", `%q is not a number of %s`, `%[1]s 不是以 %[2]s 为单位的数`},
	{"uscc_length", `%q has %d characters; a unified social credit code has 18`, `%[1]s 有 %[2]s 个字符；统一社会信用代码为 18 位`},
	{"uscc_case", `%q has small letters; write %s`, `%[1]s 含有小写字母；请改为 %[2]s`},
	{"uscc_character", `%q has %s at place %d, which is in no unified social credit code`, `%[1]s 的第 %[3]s 位是 %[2]s，统一社会信用代码中没有这个字符`},
	{"uscc_check", `%q is mistyped: its check character ought to be %s`, `%[1]s 有误：校验码应为 %[2]s`},
	{"prefix", `%q is not a prefix such as 198.51.100.0/24 or 2001:db8::/32`, `%[1]s 不是前缀，例如 198.51.100.0/24 或 2001:db8::/32`},
	{"ipv4_as_ipv6", `%q is IPv4 written as IPv6; write %s`, `%[1]s 是写成 IPv6 的 IPv4；请改为 %[2]s`},
	{"prefix_bits", `%q has bits set behind its length; write %s`, `%[1]s 在前缀长度之外还有置位；请改为 %[2]s`},
	{"address", `%q is not an address such as 192.0.2.1 or 2001:db8::1`, `%[1]s 不是地址，例如 192.0.2.1 或 2001:db8::1`},
	{"address_zone", `%q has a zone, which only its own host understands; write %s`, `%[1]s 带有区域标识，只有本机才能理解；请改为 %[2]s`},
	{"domain_ascii", `%q is not a domain name: it has characters that no domain name has`, `%[1]s 不是域名：含有域名不能使用的字符`},
	{"domain_url", `%q is not a domain name: write the name alone, without scheme and path`, `%[1]s 不是域名：只填域名，不要协议和路径`},
	{"domain_dot", `%q is not a domain name: it has no dot`, `%[1]s 不是域名：没有点`},
	{"domain_address", `%q is not a domain name: it is an address`, `%[1]s 不是域名：这是地址`},
	{"domain_star", `%q is not a domain name: leave out the *; a filing covers the names below it`, `%[1]s 不是域名：请去掉 *；备案涵盖其下的名称`},
	{"domain_long", `%q is not a domain name: it has more than %d characters`, `%[1]s 不是域名：超过 %[2]s 个字符`},
	{"domain_label", `%q is not a domain name: it has more than %d characters between two dots`, `%[1]s 不是域名：两点之间超过 %[2]s 个字符`},
	{"domain_empty", `%q is not a domain name: it has nothing between two dots`, `%[1]s 不是域名：两点之间是空的`},
	{"domain_hyphen", `%q is not a domain name: a part of it begins or ends with a hyphen`, `%[1]s 不是域名：有一段以连字符开头或结尾`},
	{"domain_character", `%q is not a domain name: it has %q in it`, `%[1]s 不是域名：含有 %[2]s`},
	{"one_of", `%q is none of %s`, `%[1]s 不是以下之一：%[2]s`},
	{"cell_large", `the cell has %d bytes; at most %d are read`, `单元格有 %[1]s 字节；至多读取 %[2]s 字节`},
	{"cell_empty", `%s is empty; every row needs it`, `%[1]s 为空；每一行都须填写`},
	{"cell_encoding", `the cell is not UTF-8; save the file as CSV UTF-8`, `单元格不是 UTF-8 编码；请将文件另存为 CSV UTF-8`},
	{"cells_encoding", `%d cells are not UTF-8, the first is this one; save the file as CSV UTF-8`, `%[1]s 个单元格不是 UTF-8 编码，这是第一个；请将文件另存为 CSV UTF-8`},
	{"formula_failed", `the formula of the cell has failed: %s`, `单元格的公式出错：%[1]s`},
	// Rows beside one another.
	{"row_cells", `number of cells: %d in this row, %d in the header`, `单元格数目不符：本行 %[1]s 个，表头 %[2]s 个`},
	{"days_reversed", `%s %s is before %s %s`, `%[1]s %[2]s 早于 %[3]s %[4]s`},
	{"row_twice", `%s is in row %d already`, `%[1]s 在第 %[2]s 行已经有了`},
	{"days_overlap", `%s is valid on the same days in row %d; rows of one key must not overlap from %s to %s`, `%[1]s 与第 %[2]s 行的有效期重叠；同一键的各行在 %[3]s 与 %[4]s 之间不得重叠`},
	{"outside_parent", `prefix %s is not inside its parent %s`, `前缀 %[1]s 不在其上级 %[2]s 之内`},
	{"overlap", `prefix %s of %q overlaps %s of %q in row %d on the same days, and is not cut from it`, `%[2]s 的前缀 %[1]s 与第 %[5]s 行 %[4]s 的 %[3]s 在同一时间重叠，且不是从中划分的`},
	{"end_of_stranger", `prefix %s lies in allocation %s of %q, and line %q is of %q`, `前缀 %[1]s 在 %[3]s 的地址块 %[2]s 之内，而专线 %[4]s 属于 %[5]s`},
	{"no_interfaces", `interfaces.csv is missing or empty: no traffic can be told to belong to a line`, `interfaces.csv 缺失或为空：无法判断流量属于哪条专线`},
	{"line_unseen", `line %q has no interface in interfaces.csv: its traffic cannot be seen`, `专线 %[1]s 在 interfaces.csv 中没有接口：看不到它的流量`},
	{"no_ledger_for_row", `%s is missing or empty, and this row refers to it`, `%[1]s 缺失或为空，而本行引用了它`},
	{"no_ledger_for_cells", `%s is missing or empty, and %d cells refer to it, this one first`, `%[1]s 缺失或为空，而有 %[2]s 个单元格引用了它，这是第一个`},
	{"unknown_reference", `%s %q is not in %s`, `%[3]s 中没有 %[1]s %[2]s`},
	{"unknown_references", `%s %q is not in %s; it is named %d times, here first`, `%[3]s 中没有 %[1]s %[2]s；它出现了 %[4]s 次，这是第一次`},
	// The columns.
	{"column_nameless", `column %d has no name; name it, or remove it`, `第 %[1]s 列没有列名；请命名或删去`},
	{"column_unknown", `unknown column %q`, `没有列 %[1]s`},
	{"column_twice", `column %s is there twice, it is column %d already`, `列 %[1]s 出现两次，第 %[2]s 列已经是它`},
	{"column_missing", `column %s is missing; every row needs it`, `缺少列 %[1]s；每一行都需要它`},
	{"columns_many", `the header has %d columns; at most %d are read`, `表头有 %[1]s 列；至多读取 %[2]s 列`},
	{"header_missing", `the sheet is empty; it needs at least the row of column names`, `工作表为空；至少要有列名一行`},
	// The file.
	{"ledger_unknown", `%q is no ledger`, `%[1]s 不是台账`},
	{"ledger_twice", `ledger %s is in %s already; keep one of the two`, `台账 %[1]s 已在 %[2]s 中；请只保留一个`},
	{"ledger_twice", `ledger %s is in %s already`, `台账 %[1]s 已在 %[2]s 中`},
	{"no_ledger_named", `no file is named after a ledger, such as lines.csv`, `没有以台账命名的文件，例如 lines.csv`},
	{"file_ignored", `not a ledger, and not read`, `不是台账，未读取`},
	{"sheet_ignored", `sheet %q is not a ledger, and not read`, `工作表 %[1]s 不是台账，未读取`},
	{"directory_unreadable", `the directory cannot be read: %s`, `无法读取目录：%[1]s`},
	{"file_unreadable", `the file cannot be read: %s`, `无法读取文件：%[1]s`},
	{"workbook_unreadable", `the workbook cannot be read: %s`, `无法读取工作簿：%[1]s`},
	{"not_regular", `this is not a regular file`, `这不是普通文件`},
	{"file_large", `the file has %d bytes; at most %d are read`, `文件有 %[1]s 字节；至多读取 %[2]s 字节`},
	{"workbook_large", `the workbook has %d bytes; at most %d are read, save its sheets as CSV UTF-8`, `工作簿有 %[1]s 字节；至多读取 %[2]s 字节，请将各工作表另存为 CSV UTF-8`},
	{"no_workbooks", `workbooks are not read here; save each sheet as CSV UTF-8`, `此处不读取工作簿；请将各工作表另存为 CSV UTF-8`},
	{"sheet_rows", `the sheet has %d rows; at most %d are read`, `工作表有 %[1]s 行；至多读取 %[2]s 行`},
	{"file_rows", `the file has more than %d rows`, `文件超过 %[1]s 行`},
	{"file_empty", `the file is empty; it needs at least the row of column names`, `文件为空；至少要有列名一行`},
	{"utf16", `the file is UTF-16; save it as CSV UTF-8`, `文件是 UTF-16 编码；请另存为 CSV UTF-8`},
	{"not_csv", `the file is a spreadsheet and not CSV; save it as CSV UTF-8`, `文件是电子表格而不是 CSV；请另存为 CSV UTF-8`},
	{"nul", `the line has a NUL byte in it: this is no text; save the file as CSV UTF-8`, `该行含有 NUL 字节，不是文本；请将文件另存为 CSV UTF-8`},
	{"line_ends", `the lines end in a bare carriage return; save the file with LF or CRLF`, `各行以单独的回车结尾；请以 LF 或 CRLF 换行保存`},
	{"quote_inside", `a quote in the middle of an unquoted cell; put the whole cell in quotes and double the ones inside: "a ""b"" c"`, `未加引号的单元格中间有引号；请给整个单元格加引号，并将其中的引号写成两个："a ""b"" c"`},
	{"quote_open", `the quote that opens this cell is not closed before line %d; close it, or double it`, `单元格开头的引号到第 %[1]s 行仍未闭合；请闭合，或写成两个`},
	{"quote_single", `a quote inside a quoted cell is not doubled, or not followed by a comma; write "" for it`, `加引号的单元格中的引号没有写成两个，或其后没有逗号；请写成 ""`},
	{"row_unreadable", `the row cannot be read: %s`, `无法读取该行：%[1]s`},
	{"more_problems", `%d more problems are not listed`, `另有 %[1]s 个问题未列出`},
}

// ledgerHints follow what is said of a cell.
var ledgerHints = []ledgerText{
	{"", `write %s for the one address`, `单个地址请写成 %[1]s`},
	{"", `write the digits alone`, `请只填数字`},
	{"", `write %s`, `请改为 %[1]s`},
	{"", `did you mean %s?`, `是否应为 %[1]s？`},
	{"", `the columns are %s`, `可用的列：%[1]s`},
	{"", `if it is the day number of a spreadsheet, write %s`, `如果这是电子表格的日期序号，请改为 %[1]s`},
	{"", `save it as .xlsx or as CSV UTF-8`, `请另存为 .xlsx 或 CSV UTF-8`},
	{"", `make ledgers of it with linewarden registry convert`, `请用 linewarden registry convert 转换成台账`},
}

// phrasebook tells in Chinese what package registry says in English.
type phrasebook struct{ texts, hints []phrase }

type phrase struct {
	ledgerText
	said *regexp.Regexp
}

func newPhrasebook() phrasebook {
	return phrasebook{texts: compiled(ledgerTexts, `(?:; (.+))?`), hints: compiled(ledgerHints, ``)}
}

func compiled(texts []ledgerText, tail string) []phrase {
	pattern := strings.NewReplacer(`%q`, `("(?:[^"\\]|\\.)*"(?:\.\.\.)?)`, `%d`, `(\d+)`, `%s`, `(.+?)`)
	list := make([]phrase, len(texts))
	for i, t := range texts {
		list[i] = phrase{t, regexp.MustCompile(`(?s)^` + pattern.Replace(regexp.QuoteMeta(t.en)) + tail + `$`)}
	}
	return list
}

// told returns the code of what is said, and how it is said in a language; what
// nobody has translated stays in English, under the code "other".
func (p *phrasebook) told(message, lang string) (code, text string) {
	for i := range p.texts {
		one := &p.texts[i]
		found := one.said.FindStringSubmatch(message)
		if found == nil {
			continue
		}
		if lang != chinese {
			return one.code, message
		}
		return one.code, one.inChinese(found[1:len(found)-1]) + p.hint(found[len(found)-1])
	}
	return "other", message
}

func (t *ledgerText) inChinese(parts []string) string {
	args := make([]any, len(parts))
	for i, part := range parts {
		args[i] = part
	}
	return fmt.Sprintf(t.zh, args...)
}

// hint tells what follows a semicolon.
func (p *phrasebook) hint(said string) string {
	if said == "" {
		return ""
	}
	for i := range p.hints {
		if found := p.hints[i].said.FindStringSubmatch(said); found != nil {
			return "；" + p.hints[i].inChinese(found[1:])
		}
	}
	return "；" + said
}

// tell returns the problems of a check in a language.
func (p *phrasebook) tell(problems []ledgerProblem, lang string) []ledgerProblem {
	list := slices.Clone(problems)
	for i := range list {
		list[i].Code, list[i].Message = p.told(list[i].Message, lang)
	}
	return list
}
