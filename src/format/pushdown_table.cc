/// `pushdown_summary` for people.
#include <algorithm>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "format/scalar_text.h"
#include "format/table_writer.h"

namespace weir::format {
namespace {

using nlohmann::json;

std::vector<std::string> strings(const json& scan, const char* key) {
  std::vector<std::string> values;
  const auto found = scan.find(key);
  if (found == scan.end() || !found->is_array()) return values;
  for (const json& value : *found) values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  return values;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

/// What the source did, one thing per line.
std::vector<std::string> pushed(const json& scan) {
  std::vector<std::string> lines = strings(scan, "filters_pushed");
  if (const auto aggregates = strings(scan, "agg_pushed"); !aggregates.empty())
    lines.push_back("aggregate " + joined(aggregates));
  if (const auto order = strings(scan, "sort_pushed"); !order.empty()) lines.push_back("order by " + joined(order));
  if (scan.value("join_pushed", false)) lines.push_back("join");
  if (scan.value("projection_pushed", false)) lines.push_back("columns");
  return lines;
}

/// The reason behind `reason` when it is that of `filter`: "filter: why".
std::optional<std::string> why(const std::string& reason, const std::string& filter) {
  const std::string before = filter + ": ";
  return reason.starts_with(before) ? std::optional(reason.substr(before.size())) : std::nullopt;
}

/// What stayed here, and why, one thing per line; each reason stands once, behind the thing that it is about.
std::vector<std::string> residual(const json& scan) {
  std::vector<std::string> lines;
  auto reasons = strings(scan, "residual_reasons");
  for (const std::string& filter : strings(scan, "filters_residual")) {
    const auto of_it =
        std::ranges::find_if(reasons, [&](const auto& reason) { return why(reason, filter).has_value(); });
    lines.push_back(of_it == reasons.end() ? filter : filter + " (" + *why(*of_it, filter) + ")");
    if (of_it != reasons.end()) reasons.erase(of_it);
  }
  if (const auto aggregate = scan.find("agg_residual_reason"); aggregate != scan.end() && aggregate->is_string()) {
    const auto reason = aggregate->get<std::string>();
    lines.push_back("aggregate (" + reason + ")");
    std::erase(reasons, reason);
  }
  for (const std::string& reason : reasons) {
    std::string line = "(" + reason + ")";
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  return lines;
}

std::string number(const json& scan, const char* key) {
  const auto found = scan.find(key);
  if (found == scan.end() || !found->is_number()) return {};
  if (!found->is_number_float()) return found->dump();
  std::string text;
  append_decimal(static_cast<__int128>(std::llround(found->get<double>() * 10)), 1, text);
  return text;
}

std::string line_of(const std::vector<std::string>& lines, size_t index) {
  return index < lines.size() ? lines[index] : std::string();
}

}  // namespace

std::string pushdown_table(const json& pushdown_summary, const TableOptions& options) {
  if (!pushdown_summary.is_array() || pushdown_summary.empty()) return {};
  TextGrid grid({{"source"},
                 {"table"},
                 {"done by the source"},
                 {"done here (why)"},
                 {"limit", true},
                 {"rows", true},
                 {"bytes", true},
                 {"ms", true}},
                options);
  std::string out;
  for (const json& scan : pushdown_summary) {
    const auto there = pushed(scan);
    const auto here = residual(scan);
    for (size_t i = 0; i < std::max<size_t>({1, there.size(), here.size()}); i++) {
      const bool first = i == 0;
      grid.add({{first ? scan.value("source", "") : ""},
                {first ? scan.value("table", "") : ""},
                {line_of(there, i)},
                {line_of(here, i)},
                {first ? number(scan, "limit_pushed") : ""},
                {first ? number(scan, "rows_returned") : ""},
                {first ? number(scan, "bytes_received") : ""},
                {first ? number(scan, "scan_duration_ms") : ""}},
               out);
    }
  }
  grid.finish(out);
  return out;
}

}  // namespace weir::format
