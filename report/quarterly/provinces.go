package quarterly

import "github.com/linewarden/linewarden/rules"

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

// provinceName names a province by its code.
func provinceName(code string) rules.Text {
	if name, ok := provinces[code]; ok {
		return name
	}
	if code == "" {
		return rules.Text{ZH: "未知", EN: "unknown"}
	}
	return rules.Text{ZH: code, EN: code}
}
