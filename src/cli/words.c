/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

static const struct {
	const char *en, *ja;
} words[NR_W_N] = {
	[NR_W_TITLE] = { "noroshi observe", "狼煙 noroshi observe" },
	[NR_W_STANDARD_INPUT] = { "standard input", "標準入力" },
	[NR_W_INTERFACE] = { "interface {0}", "インターフェース {0}" },
	[NR_W_AS_IT_IS] = { "{0}", "{0}" },
	[NR_W_AND_MORE] = { "{0} and {1} more", "{0} ほか {1} 件" },
	[NR_W_PERIOD] = { "{0} to {1} UTC, {2}", "{0} から {1}（UTC）、{2}" },
	[NR_W_NO_PERIOD] = { "no packets in time", "対象の時間にパケットなし" },
	[NR_W_STOPPED] = { "stopped before the end", "途中で停止" },
	[NR_W_MONITORED] = { "Monitored", "監視範囲" },
	[NR_W_MONITORED_GIVEN] = {
		"{0}: {1} addresses, as named by --net",
		"{0}（{1} アドレス、--net の指定）",
	},
	[NR_W_MONITORED_INFERRED] = {
		"{0}: {1} addresses, inferred: {2} distinct ones of them were hit by {3} "
		"unanswered packets, where even chance would hit {4}, and none ever sent",
		"{0}（{1} アドレス）と推定：応答のない {3} パケットが異なる {2} アドレスに届き"
		"（一様なら {4}）、どれも送信していない",
	},
	[NR_W_MONITORED_V6] = {
		"{0}: IPv6 only, so no rule with the number of addresses applies",
		"{0}（IPv6のみ。アドレス数に基づく規則は使えない）",
	},
	[NR_W_UNKNOWN_TOO_FEW] = {
		"unknown: only {0} packets go to addresses that never send, too few to tell. "
		"Name the addresses with --net PREFIX.",
		"不明：送信しないアドレス宛てのパケットが {0} 個しかなく判断できない。--net "
		"PREFIX で指定を。",
	},
	[NR_W_UNKNOWN_TWO_WAY] = {
		"unknown: {0} of the packets belong to conversations seen in both directions, "
		"so these addresses are in use. This looks like an ordinary capture; if unused "
		"addresses are among them, name them with --net PREFIX.",
		"不明：パケットの {0} が双方向の通信で、使用中のアドレスである。通常の通信の記"
		"録とみられる。未使用アドレスがあれば --net PREFIX で指定を。",
	},
	[NR_W_UNKNOWN_SCATTERED] = {
		"unknown: the {0} destinations that never send do not form a few whole blocks. "
		"Name the addresses with --net PREFIX.",
		"不明：送信しない宛先 {0} 個が少数のまとまった範囲にならない。--net PREFIX で指"
		"定を。",
	},
	[NR_W_UNKNOWN_SPARSE] = {
		"unknown: destinations lie in {0}, but only {1} distinct ones were hit where "
		"even chance would hit {2}: perhaps only some addresses there are monitored. "
		"Name them with --net PREFIX.",
		"不明：宛先は {0} にあるが、届いたのは {1} アドレスのみ（一様なら {2}）。一部だ"
		"けを監視している可能性がある。--net PREFIX で指定を。",
	},
	[NR_W_UNKNOWN_NOT_TRIED] = {
		"unknown: this input can be read only once. Name the addresses with --net "
		"PREFIX.",
		"不明：この入力は一度しか読めない。--net PREFIX で指定を。",
	},
	[NR_W_RECEIVED] = { "Received", "受信" },
	[NR_W_RECEIVED_TEXT] = { "{0} packets, {1}", "{0} パケット、{1}" },
	[NR_W_RECEIVED_RATE] = {
		"{0} packets, {1}; {2} a second on average",
		"{0} パケット、{1}（平均 毎秒 {2}）",
	},
	[NR_W_UNDERSTOOD] = { "Understood", "解析済み" },
	[NR_W_UNDERSTOOD_ALL] = { "all", "すべて" },
	[NR_W_UNDERSTOOD_TEXT] = {
		"{0} ({1}); {2} left out, see below",
		"{0}（{1}）、対象外 {2}（下記）",
	},
	[NR_W_CLASSES] = { "Classes", "分類" },
	[NR_W_CLASS_SCAN] = { "scan", "スキャン" },
	[NR_W_CLASS_BACKSCATTER] = { "backscatter", "跳ね返り" },
	[NR_W_CLASS_AMPLIFY] = { "amplification request", "増幅要求" },
	[NR_W_CLASS_OTHER] = { "other", "その他" },
	[NR_W_SOURCES] = { "Sources", "送信元" },
	[NR_W_LEVEL_PROBE] = { "probes", "探索" },
	[NR_W_LEVEL_SCANNER] = { "scanners", "スキャナー" },
	[NR_W_LEVEL_SCANNER_ONE] = { "scanner", "スキャナー" },
	[NR_W_LEVEL_WIDE] = { "wide", "広域" },
	[NR_W_LEVEL_AGGRESSIVE] = { "aggressive", "攻撃的" },
	[NR_W_FINDINGS] = { "Findings", "検知事象" },
	[NR_W_FINDINGS_NONE] = { "none", "なし" },
	[NR_W_KIND_ATTACK] = { "attacks", "攻撃" },
	[NR_W_KIND_CARPET] = { "carpet attacks", "絨毯型攻撃" },
	[NR_W_KIND_INFECTION] = { "infections", "感染疑い" },
	[NR_W_KIND_CAMPAIGN] = { "campaigns", "キャンペーン" },
	[NR_W_KIND_OTHER] = { "others", "その他" },
	[NR_W_OVER_TIME] = { "Over time", "時間の推移" },
	[NR_W_PACKETS] = { "Packets", "パケット" },
	[NR_W_PEAK_PACKETS] = { "peak {0}/s at {1}", "最大 毎秒 {0}（{1}）" },
	[NR_W_PEAK_SOURCES] = { "peak {0} in {1}", "最大 {0}（{1} あたり）" },
	[NR_W_FLOODED] = { "Flooded with forged sources", "送信元詐称による攻撃の被害" },
	[NR_W_FLOODED_NONE] = { "No attack was seen.", "攻撃は見られなかった。" },
	[NR_W_CARPETS] = { "Carpet attacks on whole prefixes", "プレフィックス全体への絨毯型攻撃" },
	[NR_W_COL_VICTIM] = { "victim", "被害者" },
	[NR_W_COL_PREFIX] = { "prefix", "プレフィックス" },
	[NR_W_COL_VICTIMS] = { "victims", "被害者" },
	[NR_W_COL_PORTS] = { "ports", "ポート" },
	[NR_W_COL_ANSWERS] = { "answers/s", "応答/秒" },
	[NR_W_COL_WHEN] = { "when", "時刻" },
	[NR_W_COL_MACHINES] = { "machines", "台数" },
	[NR_W_COL_NETWORK] = { "network", "ネットワーク" },
	[NR_W_COL_SOURCE] = { "source", "送信元" },
	[NR_W_COL_SIGNS] = { "signs", "兆候" },
	[NR_W_COL_SURE] = { "sure", "確度" },
	[NR_W_COL_PACKETS] = { "packets", "パケット" },
	[NR_W_COL_SHARE] = { "share", "割合" },
	[NR_W_COL_SOURCES] = { "sources", "送信元" },
	[NR_W_COL_CHANGE] = { "change", "増減" },
	[NR_W_COL_LEVEL] = { "level", "水準" },
	[NR_W_COL_TOOL] = { "tool", "ツール" },
	[NR_W_COL_RATE] = { "pps", "パケット/秒" },
	[NR_W_COL_CAMPAIGN] = { "campaign", "キャンペーン" },
	[NR_W_MORE] = {
		"and {0} more: --json --only findings",
		"ほか {0} 件：--json --only findings",
	},
	[NR_W_MORE_SOURCES] = {
		"and {0} more: --json --only sources",
		"ほか {0} 件：--json --only sources",
	},
	[NR_W_MORE_ROWS] = { "and {0} more", "ほか {0} 件" },
	[NR_W_INFECTED] = { "Machines that look infected", "感染が疑われる機器" },
	[NR_W_INFECTED_NONE] = {
		"No machine carries enough evidence.",
		"十分な証拠のある機器はない。",
	},
	[NR_W_SCANNERS] = { "Scanners", "スキャナー" },
	[NR_W_SCANNERS_NONE] = {
		"No source touched three monitored addresses or carries a mark.",
		"監視アドレス3個以上に触れた、または特徴を持つ送信元はない。",
	},
	[NR_W_CAMPAIGNS] = {
		"Campaigns of wide and aggressive scanners",
		"広域・攻撃的スキャナーのキャンペーン",
	},
	[NR_W_OTHER_FINDINGS] = { "Other findings", "その他の検知事象" },
	[NR_W_PORTS] = { "Ports", "ポート" },
	[NR_W_NETWORKS] = { "Networks", "ネットワーク（AS）" },
	[NR_W_ECONOMIES] = { "Economies", "国・地域" },
	[NR_W_TOOLS] = { "Tools and malware", "ツール・マルウェア" },
	[NR_W_TOOLS_NONE] = { "No tool betrayed itself.", "特徴を示したツールはない。" },
	[NR_W_NETWORKS_NONE] = {
		"Networks are unknown: there is no prefix data. 'make data' or 'noroshi "
		"prefixes build' makes it.",
		"ネットワークは不明：経路データがない。make data または noroshi prefixes build "
		"で作成。",
	},
	[NR_W_UNKNOWN] = { "unknown", "不明" },
	[NR_W_BENIGN] = { "{0} (survey)", "{0}（調査）" },
	[NR_W_NOT_UNDERSTOOD] = { "What was left out", "対象外としたもの" },
	[NR_W_NOTHING_LEFT_OUT] = {
		"Nothing: every packet was classified.",
		"なし：全パケットを分類した。",
	},
	[NR_W_DROP_LINK_UNKNOWN] = { "link type not read", "未対応のリンク種別" },
	[NR_W_DROP_LINK_TRUNCATED] = { "link header cut off", "リンク層ヘッダーの欠け" },
	[NR_W_DROP_NOT_IP] = { "not IP", "IP以外" },
	[NR_W_DROP_IP_TRUNCATED] = { "IP header cut off", "IPヘッダーの欠け" },
	[NR_W_DROP_IP_MALFORMED] = { "IP header malformed", "IPヘッダーの不正" },
	[NR_W_DROP_IP6_CHAIN] = {
		"IPv6 header chain too long or broken",
		"IPv6拡張ヘッダーの超過・破損",
	},
	[NR_W_DROP_L4_TRUNCATED] = { "transport header cut off", "トランスポート層ヘッダーの欠け" },
	[NR_W_DROP_L4_MALFORMED] = { "transport header "
		"malformed", "トランスポート層ヘッダーの不正" },
	[NR_W_DROP_TIME] = { "outside --since, --until", "--since, --until の範囲外" },
	[NR_W_DROP_FILTERED] = { "not matched by --filter", "--filter に不一致" },
	[NR_W_DROP_NOT_MONITORED] = { "to addresses that are not monitored", "監視範囲外の宛先" },
	[NR_W_DROP_TABLE_FULL] = { "tables full", "表が満杯" },
	[NR_W_DROP_OTHER] = { "other cause", "その他の原因" },
	[NR_W_LINKS] = { "link types", "リンク種別" },
	[NR_W_ODD] = { "Odd, but read", "異常だが解析済み" },
	[NR_W_TUNNELS] = { "Tunnels, not entered", "トンネル（内部は未解析）" },
	[NR_W_KERNEL_DROPPED] = {
		"The kernel dropped {0} packets before they could be read: every count here is "
		"too small.",
		"読み取り前にカーネルが {0} パケットを破棄した。以下の値はすべて過小である。",
	},
	[NR_W_DAMAGED] = {
		"{0} of {1} files were damaged; what stood before the damage is counted.",
		"{1} ファイル中 {0} が破損。破損箇所より前は集計済み。",
	},
	[NR_W_RECORDS_REFUSED] = {
		"{0} records contradicted themselves and were passed over.",
		"矛盾のある記録 {0} 件を読み飛ばした。",
	},
	[NR_W_REFUSED] = {
		"Limits turned {0} entries away (ports followed per source, entries per table): details "
		"beyond them are missing.",
		"上限（送信元ごとのポート数、表の大きさ）により {0} 件を記録しなかった。それを超え"
		"る詳細は欠けている。",
	},
	[NR_W_UNSEEN] = { "What could not have been seen", "見えなかった可能性のあるもの" },
	[NR_W_MDR] = {
		"A flood whose victim answers fewer than {0} packets/s for {1} would not have "
		"been found here (a rule of 30 packets in a minute needs {2}). Floods that do "
		"not forge their sources evenly over all addresses are not seen at all.",
		"被害者の応答が毎秒 {0} パケット未満（{1} 継続）の攻撃は検知できない（1分に30パ"
		"ケットの規則では {2}）。全アドレスに一様な送信元詐称でない攻撃は見えない。",
	},
	[NR_W_MDR_UNKNOWN] = {
		"Without the number of monitored addresses no rate, no coverage and no minimum "
		"detectable rate can be stated, and no source is called more than a scanner.",
		"監視アドレス数が不明なため、速度・網羅率・最小検知速度は示せず、送信元の水準は"
		"スキャナーまでとする。",
	},
	[NR_W_ASSUMED] = { "What the numbers assume", "数値の前提" },
	[NR_W_ASSUME_FORGED] = {
		"Any single address may be forged; an address is never an actor. Findings say "
		"how sure they are.",
		"個々のアドレスは詐称の可能性があり、アドレスは行為者ではない。検知事象には確度"
		"を付す。",
	},
	[NR_W_ASSUME_RATE] = {
		"Rates hold for the whole Internet if the source chooses addresses evenly; "
		"ranges are 95 %.",
		"速度は宛先が一様に選ばれる場合のインターネット全体の値。範囲は95 %区間。",
	},
	[NR_W_ASSUME_ESTIMATE] = {
		"≈ marks an estimate: ports 2 to 7 %, sources over time 3 %.",
		"≈ は推定値：ポートは誤差2～7 %、時間推移の送信元は3 %。",
	},
	[NR_W_ASSUME_CHANGE] = {
		"Change compares packets of the second half of the time with the first; for "
		"networks, economies and tools those of each source are spread evenly over its "
		"time.",
		"増減は期間後半のパケット数の前半比。ネットワーク・国・ツールでは各送信元のパケ"
		"ットを活動時間に均等配分して計算。",
	},
	[NR_W_ASSUME_SOURCES] = {
		"A source that returns after a long silence counts again.",
		"長い沈黙の後に戻った送信元は再度数える。",
	},
	[NR_W_ASSUME_DATA] = { "Networks and economies: {0}.", "ネットワークと国・地域：{0}。" },
	[NR_W_ASSUME_SURVEYS] = {
		"Known surveys are labelled, never left out ({0} prefixes on lists).",
		"既知の調査は表示のみで除外しない（リスト {0} 件）。",
	},
	[NR_W_ASSUME_NO_SURVEYS] = {
		"No list of known survey scanners is loaded (--benign).",
		"既知の調査スキャナーのリストは未読込（--benign）。",
	},
	[NR_W_NEW] = { "new", "新規" },
	[NR_W_GONE] = { "gone", "消滅" },
};

struct nr_str nr_word(enum nr_term_lang lang, enum nr_word word)
{
	return nr_str_from(lang == NR_TERM_JA ? words[word].ja : words[word].en);
}

void nr_word_fill(struct nr_buf *out, enum nr_term_lang lang, enum nr_word word,
		  const struct nr_str *args, size_t n)
{
	struct nr_str text = nr_word(lang, word);

	while (text.n > 0) {
		bool is_slot = text.n >= 3 && text.p[0] == '{' && text.p[2] == '}' &&
			       text.p[1] >= '0' && text.p[1] < '0' + NR_WORD_ARGS;
		size_t arg = is_slot ? (size_t)(text.p[1] - '0') : 0, step = is_slot ? 3 : 1;

		if (!is_slot)
			nr_buf_add(out, text.p, 1);
		else if (arg < n)
			nr_buf_add_str(out, args[arg]);
		text.p += step;
		text.n -= step;
	}
}
