/// `freshness` for people.
#include <cmath>

#include <nlohmann/json.hpp>

#include "format/scalar_text.h"
#include "format/table_writer.h"

namespace weir::format {
namespace {

using nlohmann::json;

std::string text(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string seconds(const json& entry) {
  const auto found = entry.find("lag_seconds");
  if (found == entry.end() || !found->is_number()) return {};
  std::string shown;
  append_decimal(static_cast<__int128>(std::llround(found->get<double>() * 1000)), 3, shown);
  return shown;
}

}  // namespace

std::string freshness_table(const json& freshness, const TableOptions& options) {
  if (!freshness.is_array()) return {};
  const auto is_copy = [](const json& entry) { return entry.value("served", "") == "synced"; };
  if (std::none_of(freshness.begin(), freshness.end(), is_copy)) return {};
  TextGrid grid({{"table"}, {"served"}, {"behind, s", true}, {"position"}, {"snapshot", true}}, options);
  std::string out;
  for (const json& entry : freshness) {
    grid.add({{text(entry, "table")},
              {text(entry, "served")},
              {seconds(entry)},
              {text(entry, "position")},
              {text(entry, "snapshot_id")}},
             out);
  }
  grid.finish(out);
  return out;
}

}  // namespace weir::format
