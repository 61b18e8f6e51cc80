package simulator

// fill is what an edge fetches from its origin because it lacks it.
func (b *cast) fill() part {
	return part{name: "fill", share: 0.03, down: 0.97, far: b.world.web[2:3], apps: []app{{proto: protoTCP, port: 443, size: 1300}}}
}

// castDelivery plants what unlicensed-cdn must and must not find.
func (b *cast) castDelivery() {
	edge := served{bits: 26, hosts: 6, router: shanghai, mean: 150, down: 0.05, profile: evening, apps: deliveryApps(), far: b.world.clients}
	fill := b.fill()

	s := edge
	s.e, s.line, s.parts = enterprise{id: "E521", name: "上海疾羽科技有限公司", nameEN: "Jiyu Technology", place: "310100"}, "DIA-SH-0521", []part{fill}
	id := b.serve(s).String()
	b.must(unlicensedCDN, "allocation", id, "six addresses give all bytes on 80 and 443 to hundreds of networks, filled from one origin")
	b.innocent(unlicensedIDC, "allocation", id, "six addresses on two ports are no data centre")

	s = edge
	s.e, s.line, s.parts = enterprise{id: "E522", name: "广州快梭网络有限公司", nameEN: "Kuaisuo Networks", place: "440100"}, "DIA-GZ-0522", []part{fill}
	origin := b.network6("CN", "青穗内容网络", "cdn", 64601, 20)
	s.v6, s.router, s.far, s.parts[0].far = true, guangzhou, b.world.clients6, []pool{origin}
	id = b.serve(s).String()
	b.must(unlicensedCDN, "allocation", id, "the same over IPv6")

	s = edge
	s.e, s.line, s.parts = enterprise{id: "E523", name: "北京旧梭分发有限公司", nameEN: "Jiusuo Delivery", place: "110100"}, "DIA-BJ-0523", []part{fill}
	s.router, s.use = beijing, "cdn"
	b.enterprise(s.e)
	b.licence("京B1-20200523", s.e.id, "B12", "11", b.day(-1900), b.day(-4), "active")
	id = b.serve(s).String()
	b.must(unlicensedCDN, "allocation", id, "B12 ended four days before the last day, and delivery goes on")
	b.must(licenceMissing, "allocation", id, "B12 of a cdn block ended inside the span")

	s = edge
	s.e, s.line = enterprise{id: "E531", name: "北京晨报传媒有限公司", nameEN: "Chenbao Media", place: "110100"}, "DIA-BJ-0531"
	s.router, s.hosts = beijing, 4
	prefix := b.serve(s)
	for i, name := range []string{"chenbao.example", "video-chenbao.example", "img-chenbao.example"} {
		b.site(site{domain: name, owner: "E531", filed: b.day(-900), provider: carrierID, addr: hostAt(prefix, uint64(1+i)), seen: [2]string{b.day(-800), b.day(0)}})
	}
	b.innocent(unlicensedCDN, "allocation", prefix.String(), "a popular website, filed by the holder itself, without fill")

	s = edge
	s.e, s.line, s.parts = enterprise{id: "E532", name: "上海示范交通大学", nameEN: "Demonstration Jiaotong University", nature: "institution", place: "310100"}, "DIA-SH-0532", []part{fill}
	prefix = b.serve(s)
	b.site(site{domain: "mirrors-sjtd.example", owner: "E532", filed: b.day(-900), provider: carrierID, addr: hostAt(prefix, 1), seen: [2]string{b.day(-800), b.day(0)}})
	for n := uint64(2); n <= 6; n++ {
		b.row("domains", "mirrors-sjtd.example", hostAt(prefix, n).String(), b.day(-800), b.day(0), "resolver log")
	}
	b.innocent(unlicensedCDN, "allocation", prefix.String(), "the software mirror of a university, under its own filed name")

	s = edge
	s.e, s.line, s.parts = enterprise{id: "E533", name: "广州正帆分发有限公司", nameEN: "Zhengfan Delivery", place: "440100"}, "DIA-GZ-0533", []part{fill}
	s.router, s.use = guangzhou, "cdn"
	b.licensed(s.e, "B12")
	id = b.serve(s).String()
	b.innocent(unlicensedCDN, "allocation", id, "B12 is active")
	b.innocent(licenceMissing, "allocation", id, "B12 is active")
}

// castPeaks plants what evaluation-missing must and must not find of delivery
// beyond what was evaluated.
func (b *cast) castPeaks() {
	edge := served{bits: 26, hosts: 6, router: beijing, mean: 200, down: 0.05, profile: evening, apps: deliveryApps(), far: b.world.clients, use: "cdn", noneEval: true}
	for i, p := range []struct {
		e          enterprise
		line       string
		v6, guilty bool
		capacities []string
		why        string
	}{
		{enterprise{id: "E541", name: "北京满弦分发有限公司", nameEN: "Manxian Delivery", place: "110100"}, "DIA-BJ-0541", false, true, []string{"60"}, "the busiest hours give about 190 Mbit/s, 60 were evaluated"},
		{enterprise{id: "E542", name: "北京溢流网络有限公司", nameEN: "Yiliu Networks", place: "110100"}, "DIA-BJ-0542", true, true, []string{"50", "80"}, "the busiest hours give about 190 Mbit/s over IPv6, 80 were evaluated at last"},
		{enterprise{id: "E543", name: "北京余量分发有限公司", nameEN: "Yuliang Delivery", place: "110100"}, "DIA-BJ-0543", false, false, []string{"60", "400"}, "evaluated anew for 400 Mbit/s, of which half is used"},
		{enterprise{id: "E544", name: "北京从容分发有限公司", nameEN: "Congrong Delivery", place: "110100"}, "DIA-BJ-0544", false, false, []string{"1000"}, "a fifth of what was evaluated"},
	} {
		s := edge
		s.e, s.line, s.v6 = p.e, p.line, p.v6
		if p.v6 {
			s.far = b.world.clients6
		}
		b.licensed(s.e, "B12")
		id := b.serve(s).String()
		b.innocent(licenceMissing, "allocation", id, "B12 is active")
		for n, capacity := range p.capacities {
			b.row("evaluations", p.e.id, "B12", p.e.place, "node-"+p.e.place, capacity, b.day(-690+100*n+i))
		}
		if p.guilty {
			b.must(evaluationMissing, "enterprise", p.e.id, p.why)
		} else {
			b.innocent(evaluationMissing, "enterprise", p.e.id, p.why)
		}
	}
}
