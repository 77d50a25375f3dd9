#include "engine/switch_setting.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <duckdb/common/string_util.hpp>

namespace weir::engine {
namespace {

struct Word {
  std::string_view text;
  bool on;
};
constexpr Word kWords[] = {{"on", true},  {"off", false}, {"true", true}, {"false", false},
                           {"yes", true}, {"no", false},  {"1", true},    {"0", false}};

const Word* word_of(const duckdb::Value& value) {
  const auto text = duckdb::StringUtil::Lower(value.ToString());
  const auto* found = std::ranges::find(kWords, std::string_view(text), &Word::text);
  return found == std::end(kWords) ? nullptr : found;
}

void check(duckdb::ClientContext&, duckdb::SetScope, duckdb::Value& value) {
  if (value.IsNull() || word_of(value) == nullptr) {
    throw duckdb::InvalidInputException("'" + value.ToString() + "' is neither on nor off");
  }
}

}  // namespace

void add_switch(duckdb::DBConfig& config, const char* name, const char* description) {
  config.AddExtensionOption(name, description, duckdb::LogicalType::VARCHAR, duckdb::Value("on"), check);
}

bool is_switched_on(duckdb::ClientContext& client, const char* name) {
  duckdb::Value value;
  if (!client.TryGetCurrentSetting(name, value) || value.IsNull()) return true;
  const auto* word = word_of(value);
  return word == nullptr || word->on;
}

}  // namespace weir::engine
