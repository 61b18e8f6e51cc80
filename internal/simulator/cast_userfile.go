package simulator

// castUserFiles plants what intl-user-file must and must not find. The traffic
// of all these lines is what was declared.
func (b *cast) castUserFiles() {
	b.userFileViolators()
	b.userFileInnocents()
	b.userFileLinks()
}

func (b *cast) userFileViolators() {
	for _, v := range []struct {
		e      enterprise
		line   lineSpec
		change func(f *userFile)
		why    string
	}{
		{
			enterprise{id: "E102", name: "上海沐川贸易有限公司", nameEN: "Muchuan Trading", place: "310100"},
			lineSpec{id: "IPLC-SH-0102", country: "JP", router: shanghai, mean: 12},
			func(f *userFile) { f.missing = true }, "no user file at all",
		},
		{
			enterprise{id: "E103", name: "广州岚桥电子有限公司", nameEN: "Lanqiao Electronics", place: "440100"},
			lineSpec{id: "IPLC-GZ-0103", country: "HK", router: guangzhou, mean: 18},
			func(f *userFile) { f.purpose = "" }, "user file without a purpose (line to Hong Kong)",
		},
		{
			enterprise{id: "E104", name: "深圳启岸供应链有限公司", nameEN: "Qi'an Supply Chain", place: "440300"},
			lineSpec{id: "IEPL-SZ-0104", country: "SG", technology: "iepl", router: guangzhou, domain: 1, mean: 16},
			func(f *userFile) { f.committedOn = b.day(-385) }, "office-use commitment signed 15 days after the line started",
		},
		{
			enterprise{id: "E106", name: "上海荟泽医药有限公司", nameEN: "Huize Pharma", place: "310100"},
			lineSpec{id: "IPLC-SH-0106", country: "DE", router: shanghai, mean: 9, from: b.day(-1400)},
			func(f *userFile) { f.review = b.day(-500) }, "last review is 500 days old",
		},
		{
			enterprise{id: "E107", name: "广州鹭洲物流有限公司", nameEN: "Luzhou Logistics", place: "440100"},
			lineSpec{id: "IEPL-GZ-0107", country: "TW", technology: "iepl", router: guangzhou, domain: 1, mean: 11},
			func(f *userFile) { f.clauses = "internal_use;no_resale;termination" }, "contract lacks the clause against joining data centres and platforms (line to Taiwan)",
		},
		{
			enterprise{id: "E108", name: "深圳方屿科技有限公司", nameEN: "Fangyu Technology", place: "440300"},
			lineSpec{id: "IPLC-SZ-0108", country: "US", router: guangzhou, mean: 14},
			func(f *userFile) { f.committed, f.committedOn = "no", "" }, "office use was not committed to",
		},
	} {
		b.enterprise(v.e)
		v.line.enterprise = v.e.id
		b.international(intl{lineSpec: v.line, change: v.change})
		b.must(intlUserFile, "line", v.line.id, v.why)
	}
	b.undeclaredEnd()
}

// undeclaredEnd adds a line whose far end was never declared: its file is
// wanting, and what it carries cannot be told third-party at that end.
func (b *cast) undeclaredEnd() {
	b.enterprise(enterprise{id: "E105", name: "北京栎木软件有限公司", nameEN: "Limu Software", place: "110100"})
	b.international(intl{
		lineSpec: lineSpec{
			id: "IPLC-BJ-0105", enterprise: "E105", country: "US", router: beijing, mean: 15,
			parts: []part{{name: "scattered far networks", share: 0.25, near: nil, far: b.world.abroad}},
		},
		noZ: true,
	})
	b.must(intlUserFile, "line", "IPLC-BJ-0105", "no prefix is declared for the overseas end")
	b.innocent(intlThirdParty, "line", "IPLC-BJ-0105", "the overseas end has no declared prefix: that is intl-user-file's case")

	b.enterprise(enterprise{id: "E109", name: "西安度量仪表有限公司", nameEN: "Duliang Instruments", place: "610100"})
	b.international(intl{
		lineSpec: lineSpec{id: "IPLC-XA-0109", enterprise: "E109", country: "GB", router: xian, mean: 8},
		noA:      true,
	})
	b.must(intlUserFile, "line", "IPLC-XA-0109", "no prefix is declared for the home end")
}

func (b *cast) userFileInnocents() {
	b.enterprise(enterprise{id: "E101", name: "北京澄衡仪器有限公司", nameEN: "Chengheng Instruments", place: "110100"})
	b.international(intl{
		lineSpec: lineSpec{id: "IPLC-BJ-0101", enterprise: "E101", country: "DE", router: beijing, mean: 22, farSide: shanghai},
		v6:       true,
	})
	b.innocent(intlUserFile, "line", "IPLC-BJ-0101", "complete file, commitment signed on the day the line started")
	b.innocent(intlThirdParty, "line", "IPLC-BJ-0101", "everything is between declared ends, IPv4 and IPv6, and metered twice: at the customer and at the border")

	b.enterprise(enterprise{id: "E110", name: "上海阡陌设计有限公司", nameEN: "Qianmo Design", place: "310100"})
	b.international(intl{
		lineSpec: lineSpec{id: "IEPL-SH-0110", enterprise: "E110", country: "GB", technology: "iepl", router: shanghai, mean: 10, from: b.day(-1000)},
		change:   func(f *userFile) { f.review = b.day(-365) },
	})
	b.innocent(intlUserFile, "line", "IEPL-SH-0110", "reviewed exactly 365 days before the last day")

	b.enterprise(enterprise{id: "E141", name: "杭州望舒纺织有限公司", nameEN: "Wangshu Textiles", place: "330100"})
	b.international(intl{
		lineSpec: lineSpec{id: "IPLC-HZ-0141", enterprise: "E141", country: "VN", router: shanghai, from: b.day(-900), to: b.day(-12), silent: true},
		change:   func(f *userFile) { f.missing = true },
	})
	b.innocent(intlUserFile, "line", "IPLC-HZ-0141", "no user file, but the line ended before the span")
}

// userFileLinks adds lines whose file is found by other ways than its line.
func (b *cast) userFileLinks() {
	b.enterprise(enterprise{id: "E142", name: "北京云岫能源集团有限公司", nameEN: "Yunxiu Energy Group", place: "110100"})
	b.enterprise(enterprise{id: "E143", name: "北京云岫国际工程有限公司", nameEN: "Yunxiu International Engineering", place: "110100", parent: "E142"})
	b.international(intl{
		lineSpec: lineSpec{id: "MPLS-BJ-0143", enterprise: "E143", country: "AE", technology: "mpls_vpn", router: beijing, mean: 13, userFile: "UF-GROUP-142"},
		change:   func(f *userFile) { f.id, f.lineID, f.enterprise = "UF-GROUP-142", "", "E142" },
	})
	b.innocent(intlUserFile, "line", "MPLS-BJ-0143", "file linked through the line's user_file column and owned by the holder's parent")
	b.innocent(intlThirdParty, "line", "MPLS-BJ-0143", "only declared ends")

	b.enterprise(enterprise{id: "E144", name: "成都棠湖软件园管理有限公司", nameEN: "Tanghu Software Park", place: "510100"})
	b.enterprise(enterprise{id: "E145", name: "成都山野影业有限公司", nameEN: "Shanye Pictures", place: "510100"})
	b.international(intl{
		lineSpec: lineSpec{id: "IPLC-CD-0145", enterprise: "E145", country: "US", router: chengdu, mean: 17},
		change:   func(f *userFile) { f.enterprise = "E144" },
	})
	b.may(intlUserFile, "line", "IPLC-CD-0145", "the file of the line is complete but owned by an unrelated enterprise")
}
