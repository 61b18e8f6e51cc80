import type { Speech } from './i18n';

// Names of codes that the daemon uses. A code that is not here is shown as it is.
type Pair = readonly [string, string];

const provinces: Record<string, Pair> = {
  11: ['北京', 'Beijing'], 12: ['天津', 'Tianjin'], 13: ['河北', 'Hebei'], 14: ['山西', 'Shanxi'], 15: ['内蒙古', 'Inner Mongolia'],
  21: ['辽宁', 'Liaoning'], 22: ['吉林', 'Jilin'], 23: ['黑龙江', 'Heilongjiang'], 31: ['上海', 'Shanghai'], 32: ['江苏', 'Jiangsu'],
  33: ['浙江', 'Zhejiang'], 34: ['安徽', 'Anhui'], 35: ['福建', 'Fujian'], 36: ['江西', 'Jiangxi'], 37: ['山东', 'Shandong'],
  41: ['河南', 'Henan'], 42: ['湖北', 'Hubei'], 43: ['湖南', 'Hunan'], 44: ['广东', 'Guangdong'], 45: ['广西', 'Guangxi'], 46: ['海南', 'Hainan'],
  50: ['重庆', 'Chongqing'], 51: ['四川', 'Sichuan'], 52: ['贵州', 'Guizhou'], 53: ['云南', 'Yunnan'], 54: ['西藏', 'Tibet'],
  61: ['陕西', 'Shaanxi'], 62: ['甘肃', 'Gansu'], 63: ['青海', 'Qinghai'], 64: ['宁夏', 'Ningxia'], 65: ['新疆', 'Xinjiang'],
  71: ['台湾', 'Taiwan'], 81: ['香港', 'Hong Kong'], 82: ['澳门', 'Macao'],
};

export const provinceCodes = Object.keys(provinces);

const tables = {
  state: {
    open: ['待核实', 'open'], reviewing: ['核实中', 'reviewing'], confirmed: ['已确认', 'confirmed'], rectifying: ['整改中', 'rectifying'],
    rectified: ['已整改', 'rectified'], dismissed: ['已排除', 'dismissed'], ceased: ['已消失', 'ceased'],
  },
  severity: { critical: ['严重', 'critical'], high: ['高', 'high'], medium: ['中', 'medium'], low: ['低', 'low'] },
  subject: {
    line: ['专线', 'line'], allocation: ['地址块', 'allocation'], prefix: ['前缀', 'prefix'], asn: ['AS', 'AS'], enterprise: ['单位', 'enterprise'],
    interface: ['接口', 'interface'], domain: ['域名', 'domain'], exporter: ['设备', 'exporter'],
  },
  use: {
    idc: ['数据中心', 'data centre'], cdn: ['内容分发', 'CDN'], isp: ['互联网接入', 'Internet access'], ipvpn: ['IP-VPN', 'IP-VPN'], dns: ['域名解析', 'DNS'],
    enterprise: ['企业自用', 'enterprise'], subscriber_pool: ['用户地址池', 'subscriber pool'], infrastructure: ['基础设施', 'infrastructure'],
  },
  service: {
    B11: ['B11 数据中心', 'B11 data centre'], 'B11-2': ['B11-2 资源协作（云）', 'B11-2 cloud'], B12: ['B12 内容分发', 'B12 CDN'], B13: ['B13 国内 IP-VPN', 'B13 domestic IP-VPN'],
    B14: ['B14 互联网接入', 'B14 Internet access'], 'B26-1': ['B26-1 域名解析', 'B26-1 DNS'], 'A14-4': ['A14-4 国际数据通信', 'A14-4 international data'],
  },
  scope: { domestic: ['境内', 'domestic'], international: ['国际', 'international'] },
  technology: { dia: ['互联网专线', 'DIA'], iplc: ['IPLC', 'IPLC'], iepl: ['IEPL', 'IEPL'], mpls_vpn: ['MPLS VPN', 'MPLS VPN'], sdh: ['SDH', 'SDH'], other: ['其他', 'other'] },
  order: { domestic: ['境内订购', 'ordered at home'], overseas_direct: ['境外直接订购', 'ordered overseas'], via_overseas_carrier: ['经境外运营商订购', 'ordered through an overseas carrier'] },
  network: {
    cloud: ['云', 'cloud'], datacentre: ['数据中心', 'data centre'], cdn: ['内容分发', 'CDN'], access: ['接入网', 'access'], enterprise: ['企业', 'enterprise'],
    dns_registry: ['域名注册', 'DNS registry'], unknown: ['未知', 'unknown'], office: ['办公', 'office'], other: ['其他', 'other'], '': ['未知', 'unknown'],
  },
  clauseText: { internal_use: ['仅内部使用', 'internal use'], no_resale: ['不得转售', 'no resale'], no_dc_platform: ['不得连接数据中心或平台', 'no data centre or platform'], termination: ['违约终止', 'termination'] },
  remedy: {
    purpose_corrected: ['用途已纠正', 'purpose corrected'], licence_supplied: ['已补许可证', 'licence supplied'], line_stopped: ['线路已停', 'line stopped'],
    resource_reclaimed: ['资源已收回', 'resource reclaimed'], compliant_self_use: ['核实为合规自用', 'compliant self-use'],
  },
  event: {
    new: ['新出现', 'new'], repeated: ['再次出现', 'repeated'], reopened: ['重新出现', 'reopened'], ceased: ['消失', 'ceased'], moved: ['处置', 'moved'],
    noted: ['备注', 'noted'], assigned: ['指派', 'assigned'], confirmation_proposed: ['提请确认', 'confirmation proposed'],
  },
  status: { active: ['有效', 'active'], suspended: ['暂停', 'suspended'], revoked: ['吊销', 'revoked'], cancelled: ['注销', 'cancelled'], expired: ['过期', 'expired'] },
  role: { noc: ['网络运行', 'NOC'], compliance: ['合规', 'compliance'], regulator: ['监管', 'regulator'], admin: ['管理员', 'admin'], '': ['访客', 'visitor'] },
  port: { customer: ['客户侧', 'customer'], core: ['核心', 'core'], peer: ['对等', 'peer'], transit: ['转接', 'transit'], international: ['国际', 'international'] },
  approval: { cross_border: ['跨境业务', 'cross-border'], dns_root: ['域名根服务器', 'DNS root'], dns_registry: ['域名注册管理', 'DNS registry'], dns_registrar: ['域名注册服务', 'DNS registrar'] },
  nature: { enterprise: ['企业', 'enterprise'], government: ['机关', 'government'], institution: ['事业单位', 'institution'], military: ['军队', 'military'], social: ['社会组织', 'social'], individual: ['个人', 'individual'] },
  credit: { normal: ['正常', 'normal'], bad: ['不良', 'bad'] },
  job: { running: ['进行中', 'running'], done: ['完成', 'done'], failed: ['失败', 'failed'], queued: ['排队', 'queued'], waiting: ['排队', 'waiting'] },
  end: { a: ['A 端（境内）', 'A end (home)'], z: ['Z 端（境外）', 'Z end (abroad)'] },
  side: { near: ['近端', 'near'], far: ['远端', 'far'], a: ['A 端', 'A end'], z: ['Z 端', 'Z end'] },
  evidence: { ledger_row: ['台账行', 'ledger row'], completeness: ['完整性', 'completeness'], routes: ['路由', 'routes'], traffic: ['流量', 'traffic'] },
  ledger: {
    enterprises: ['单位', 'enterprises'], licences: ['许可证', 'licences'], commitments: ['书面承诺', 'commitments'], evaluations: ['评测', 'evaluations'], asns: ['AS 号', 'ASNs'],
    downstreams: ['下游备案', 'downstreams'], sources: ['来源地址块', 'sources'], allocations: ['地址分配', 'allocations'], broadcasts: ['广播备案', 'broadcasts'], exporters: ['采集设备', 'exporters'],
    interfaces: ['接口', 'interfaces'], gateways: ['出入口局', 'gateways'], lines: ['专线', 'lines'], line_endpoints: ['专线两端', 'line endpoints'], user_files: ['用户档案', 'user files'],
    approvals: ['批准文件', 'approvals'], translations: ['地址转换', 'translations'], icp_filings: ['网站备案', 'ICP filings'], icp_access: ['接入备案', 'ICP access'], domains: ['域名观测', 'domains'], networks: ['已知网络', 'networks'],
  },
} as const satisfies Record<string, Record<string, Pair>>;

export type Naming = keyof typeof tables;

/** called names a code in the language that is spoken. */
export function called(s: Speech, naming: Naming, code: string | undefined): string {
  if (code === undefined) return '';
  const pair = (tables[naming] as Record<string, Pair>)[code];
  return pair ? pair[s.lang === 'zh' ? 0 : 1] : code;
}

export const codesOf = (naming: Naming): string[] => Object.keys(tables[naming]).filter((c) => c !== '');

/** province names the province of a place code of two or six digits. */
export function province(s: Speech, code: string | undefined): string {
  if (!code) return '';
  const pair = provinces[code.slice(0, 2)];
  if (!pair) return code;
  return pair[s.lang === 'zh' ? 0 : 1] + (code.length > 2 && !code.endsWith('0000') ? ` ${code}` : '');
}

/** country names a country or region by its ISO code. */
export function country(s: Speech, code: string | undefined): string {
  if (!code) return s.t('unknown');
  const ours: Record<string, Pair> = { HK: ['中国香港', 'Hong Kong, China'], MO: ['中国澳门', 'Macao, China'], TW: ['中国台湾', 'Taiwan, China'] };
  const pair = ours[code];
  if (pair) return pair[s.lang === 'zh' ? 0 : 1];
  try {
    return new Intl.DisplayNames([s.locale], { type: 'region' }).of(code) ?? code;
  } catch {
    return code;
  }
}
