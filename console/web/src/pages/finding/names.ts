import type { Speech } from '../../i18n';

// Chinese names of what findings measure; in English a name is read from its code.
const names: Record<string, string> = {
  a_country: 'A 端国家', z_country: 'Z 端国家', access_rows: '接入备案行数', address: '地址', allocation: '地址块', announced: '观测到的宣告', answer_bytes_on_busiest_day: '最忙日应答字节', approved_days: '有批准的天数',
  as_path: 'AS 路径', asks_others: '向他人递归查询', asns_beyond_the_holder: '持有单位以外的 AS', authoritative_only: '仅权威解析', began_on: '开始日期', bogon_bytes: '保留地址字节', bytes_in_per_day: '日均流入', bytes_out_per_day: '日均流出', bytes_per_day: '日均流量',
  cdn_allocations: '内容分发地址块', chain: '转租链', client_addresses_peak: '客户地址峰值', client_asns: '客户 AS 数', client_networks: '客户网段数', clients: '客户', commitments: '承诺书数', consumer_share: '公众用户占比', coverage: '许可覆盖范围', credit_since: '信用状态起始',
  customer: '客户单位', customer_asn: '客户 AS', customers: '客户单位', cut_block_bytes: '拆分块字节', datacentre_bytes_per_day: '数据中心日均流量', datacentre_samples: '数据中心采样包', datacentre_share: '数据中心占比', days: '天数', days_above: '超限天数', days_after_listing: '列入后天数',
  days_in_span: '统计期天数', days_met: '达到条件的天数', days_not_observed: '未观测到的天数', days_not_on_us: '不在本网的天数', days_observed_unfiled: '未备案被观测的天数', days_out_of_scope: '超出范围的天数', days_outside_area: '超出地域的天数', days_with_active_pairs: '地址对活跃的天数',
  days_with_datacentre: '有数据中心流量的天数', days_with_foreign_source: '有他人源地址的天数', days_with_platform: '有业务平台流量的天数', days_with_third_party: '有第三方流量的天数', days_with_transit: '有穿透流量的天数', days_without_licence: '无许可证的天数', declared_a_prefixes: 'A 端申报网段', declared_z_prefixes: 'Z 端申报网段',
  deficits: '缺项', depth_below_carrier: '在运营商之下的层级', dial_in_networks: '拨入网段数', downstream_asn: '下游 AS', downstream_holder: '下游单位', end_a_prefixes: 'A 端网段数', end_z_prefixes: 'Z 端网段数', enterprise_names: '单位名称', enterprises: '单位数', evaluated_mbps: '评测带宽（Mbit/s）',
  evaluations_of_holder: '持有单位的评测', evening_ratio: '晚间倍数', fault: '问题', filed_by: '备案接入单位', filed_downstream_bytes: '已报备下游字节', filed_on: '备案日期', filed_parties: '已登记单位', filing: '备案', filings: '备案', fill_share_of_output: '回源占输出之比', foreign_networks: '境外网段数',
  foreign_source_bytes_per_day: '他人源地址日均流量', foreign_source_samples: '他人源地址采样包', foreign_source_share: '他人源地址占比', gateway: '出入口局', gateway_status: '出入口局状态', holder: '持有单位', holder_of_address: '地址持有单位', home_bytes: '境内字节', home_networks: '境内网段数', hours: '存续小时',
  hub: '中心端', hub_networks: '中心端网段数', in_out_ratio: '流入流出比', interfaces: '接口', last_holder_licensed: '末级持有单位有证', last_seen: '最近出现', last_seen_on_us: '最近在本网出现', licences_of_holder: '持有单位许可证', licensed_services: '已许可业务', line: '专线', line_started_on: '开通日期',
  missing_services: '缺少许可的业务', name_servers: '域名服务器', node_share: '节点占比', nodes: '节点', nonoffice_bytes_per_day: '非办公时间日均流量', nonoffice_pairs_max: '非办公时间地址对最多', nonoffice_pairs_median: '非办公时间地址对中位数', nonoffice_samples: '非办公时间采样包', nonoffice_share: '非办公时间占比',
  off_hours_share: '非工作时间占比', offending_samples: '涉及的采样包', one_end_bytes: '单端字节', one_sided_bytes: '单向字节', origin_asn: '源 AS', origin_asns: '源 AS', origin_holder: '源 AS 持有单位', other_customers_bytes_per_day: '其他客户日均流量', other_filed_on: '另一方登记日期', other_holder: '另一登记单位',
  out_in_ratio: '流出流入比', outside_bytes_per_day: '网外日均流量', outside_of: '超出的范围', overlapping_allocations: '重叠的地址块', own_client_networks: '自有客户网段数', own_datacentre_bytes: '自有数据中心字节', own_group_entries: '本集团登记数', own_lines_bytes_per_day: '自有专线日均流量', own_networks: '自有网段数',
  own_site_addresses: '自有站点地址数', own_tunnel_bytes: '自有隧道字节', parent: '上级地址块', peak_day: '峰值日', peak_half_width_mbps: '峰值误差（Mbit/s）', peak_hour: '峰值时刻', peak_mbps: '峰值（Mbit/s）', peak_samples: '峰值采样包', peak_sessions: '会话峰值', permit_needed: '所需批准', place: '地点',
  places_without_evaluation: '缺评测的地点', platform_bytes_per_day: '业务平台日均流量', platform_samples: '业务平台采样包', ports: '端口', prefixes: '前缀', private_bytes: '私有地址字节', provider: '提供单位', providers_in_routes: '路由中的提供单位', providers_named: '备案的接入单位', reasons: '原因', relay_networks: '中继网段数',
  remote_networks: '对端网段数', required_services: '所需业务许可', resources: '资源', rest_days: '休息日天数', route_completeness: '路由完整性', route_hours_max: '路由最长小时', routers: '观测路由器', routes_observed: '观测到的路由', samples: '采样包', served_asns: '服务的 AS 数', served_networks: '服务的网段数', server: '服务器',
  server_is_the_holders: '服务器属持有单位', server_side: '服务端所在', servers: '服务器数', service: '业务', service_ports: '服务端口数', services: '业务', services_out_of_scope: '超范围的业务', services_outside_area: '超地域的业务', sessions_seen: '观测到会话', share_beside_lines: '专线以外占比', source_block: '来源地址块',
  spoofed_bytes: '伪造包字节', tenant_enterprises: '租用单位', tenants: '租用单位数', third_party_bytes_per_day: '第三方日均流量', third_party_networks: '第三方网段', third_party_samples: '第三方采样包', third_party_share: '第三方占比', transit_bytes_per_day: '穿透日均流量', transit_samples: '穿透采样包', transit_share: '穿透占比',
  translated_address: '转换后地址', tunnel_bytes_per_day: '隧道日均流量', tunnel_samples: '隧道采样包', unknown_networks: '未知网段数', unmapped_bytes_per_day: '未归属日均流量', unscaled_bytes: '采样率未知字节', upstream_asn: '上游 AS', upstream_holder: '上游单位', upstream_services: '上游许可业务', use: '用途', user_files: '用户档案数',
  workday_restday_ratio: '工作日与休息日流量比', working_days: '工作日天数',
};

const plain = (code: string): string => code.replace(/_/g, ' ').replace(/\bas path\b/, 'AS path').replace(/\basns?\b/g, (m) => m.toUpperCase().replace('ASNS', 'ASNs'));

/** factName names a figure of a finding. */
export const factName = (s: Speech, code: string): string => (s.lang === 'zh' ? (names[code] ?? code) : plain(code));

/** paramName names a parameter of a rule that is not in force any more. */
export const paramName = (s: Speech, code: string): string => (s.lang === 'zh' ? code : plain(code));

/** testName names an innocent explanation; its result is told in words. */
export const testName = (code: string): string => plain(code);
