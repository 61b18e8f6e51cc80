package report

import (
	"strings"

	"github.com/linewarden/linewarden/rules"
)

// provinces are the names of the two-digit codes of GB/T 2260.
var provinces = map[string]rules.Text{
	"11": {ZH: "北京", EN: "Beijing"}, "12": {ZH: "天津", EN: "Tianjin"}, "13": {ZH: "河北", EN: "Hebei"},
	"14": {ZH: "山西", EN: "Shanxi"}, "15": {ZH: "内蒙古", EN: "Inner Mongolia"}, "21": {ZH: "辽宁", EN: "Liaoning"},
	"22": {ZH: "吉林", EN: "Jilin"}, "23": {ZH: "黑龙江", EN: "Heilongjiang"}, "31": {ZH: "上海", EN: "Shanghai"},
	"32": {ZH: "江苏", EN: "Jiangsu"}, "33": {ZH: "浙江", EN: "Zhejiang"}, "34": {ZH: "安徽", EN: "Anhui"},
	"35": {ZH: "福建", EN: "Fujian"}, "36": {ZH: "江西", EN: "Jiangxi"}, "37": {ZH: "山东", EN: "Shandong"},
	"41": {ZH: "河南", EN: "Henan"}, "42": {ZH: "湖北", EN: "Hubei"}, "43": {ZH: "湖南", EN: "Hunan"},
	"44": {ZH: "广东", EN: "Guangdong"}, "45": {ZH: "广西", EN: "Guangxi"}, "46": {ZH: "海南", EN: "Hainan"},
	"50": {ZH: "重庆", EN: "Chongqing"}, "51": {ZH: "四川", EN: "Sichuan"}, "52": {ZH: "贵州", EN: "Guizhou"},
	"53": {ZH: "云南", EN: "Yunnan"}, "54": {ZH: "西藏", EN: "Tibet"}, "61": {ZH: "陕西", EN: "Shaanxi"},
	"62": {ZH: "甘肃", EN: "Gansu"}, "63": {ZH: "青海", EN: "Qinghai"}, "64": {ZH: "宁夏", EN: "Ningxia"},
	"65": {ZH: "新疆", EN: "Xinjiang"}, "71": {ZH: "台湾", EN: "Taiwan"}, "81": {ZH: "香港", EN: "Hong Kong"},
	"82": {ZH: "澳门", EN: "Macao"},
}

// ProvinceName names a province by its code.
func ProvinceName(code string) rules.Text {
	if code == "" {
		return rules.Text{ZH: "未知", EN: "unknown"}
	}
	return orCode(provinces[code], code)
}

// stateNames are the states as a reader is told them.
var stateNames = map[rules.State]rules.Text{
	rules.Open: {ZH: "待核查", EN: "open"}, rules.Reviewing: {ZH: "核查中", EN: "reviewing"},
	rules.Confirmed: {ZH: "已确认", EN: "confirmed"}, rules.Rectifying: {ZH: "整改中", EN: "rectifying"},
	rules.Rectified: {ZH: "已整改", EN: "rectified"}, rules.Dismissed: {ZH: "已排除", EN: "dismissed"},
	rules.Ceased: {ZH: "已消失", EN: "ceased"},
}

var severityNames = map[rules.Severity]rules.Text{
	rules.Low: {ZH: "低", EN: "low"}, rules.Medium: {ZH: "中", EN: "medium"}, rules.High: {ZH: "高", EN: "high"},
	rules.Critical: {ZH: "重大", EN: "critical"},
}

var remedyNames = map[rules.Remedy]rules.Text{
	rules.PurposeCorrected: {ZH: "更正用途", EN: "purpose corrected"}, rules.LicenceSupplied: {ZH: "补办许可", EN: "licence supplied"},
	rules.LineStopped: {ZH: "停用线路", EN: "line stopped"}, rules.ResourceReclaimed: {ZH: "收回资源", EN: "resource reclaimed"},
	rules.CompliantSelfUse: {ZH: "合规自用", EN: "compliant self-use"},
}

// StateName is a state as a reader is told it.
func StateName(s rules.State) rules.Text { return orCode(stateNames[s], string(s)) }

// SeverityName is a severity as a reader is told it.
func SeverityName(s rules.Severity) rules.Text { return orCode(severityNames[s], string(s)) }

// RemedyName is a remedy as a reader is told it; no remedy has no name.
func RemedyName(r rules.Remedy) rules.Text { return orCode(remedyNames[r], string(r)) }

// orCode is the code itself where there is no name.
func orCode(name rules.Text, code string) rules.Text {
	if name == (rules.Text{}) {
		return rules.Text{ZH: code, EN: code}
	}
	return name
}

// Grouped sets commas between the thousands of a decimal number. Anything else
// stays as it is.
func Grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if whole == "" || strings.Trim(whole, "0123456789") != "" {
		return number
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}
