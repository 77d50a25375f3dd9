#include "server/media_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "server/http.h"

namespace weir::server {
namespace {

using format::Format;

constexpr std::array kAnswerFormats = {Format::json, Format::ndjson, Format::arrow, Format::csv};

/// "text/csv;q=0.5" as its parts.
struct Item {
  std::string type;
  std::vector<std::string_view> parameters;
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == text.npos) return parts;
    text = text.substr(end + 1);
  }
}

Item parse_item(std::string_view text) {
  std::vector<std::string_view> parts = split(text, ';');
  Item item{lower_case(parts.front()), {}};
  item.parameters.assign(parts.begin() + 1, parts.end());
  return item;
}

/// The weight of an Accept item in thousandths.
int quality(const Item& item) {
  for (const std::string_view parameter : item.parameters) {
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    double value = 0;
    std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), value);
    return static_cast<int>(std::clamp(value, 0.0, 1.0) * 1000);
  }
  return 1000;
}

std::optional<Format> format_of(std::string_view type) {
  if (type == "*/*" || type == "application/*") return Format::json;
  if (type == "text/*") return Format::csv;
  for (const Format format : kAnswerFormats) {
    if (format::content_type(format) == type) return format;
  }
  return std::nullopt;
}

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string media_type(const std::string* content_type) {
  return content_type == nullptr ? "" : parse_item(*content_type).type;
}

Status check_media_type(const std::string* content_type, std::span<const std::string> known) {
  const std::string hint = "Send a Content-Type of: " + joined(known) + ".";
  if (content_type == nullptr) return fail(ErrorCode::invalid_request, "request has no Content-Type", hint);
  const Item item = parse_item(*content_type);
  if (std::ranges::find(known, item.type) == known.end()) {
    return fail(ErrorCode::invalid_request, "body of this type is not taken here: " + item.type, hint);
  }
  for (const std::string_view parameter : item.parameters) {
    const std::string lower = lower_case(parameter);
    if (lower.starts_with("charset=") && lower != "charset=utf-8" && lower != "charset=\"utf-8\"") {
      return fail(ErrorCode::invalid_request, "body is not in UTF-8: " + lower, "Send UTF-8.");
    }
  }
  return {};
}

Result<Format> choose_format(const std::string* accept) {
  if (accept == nullptr || trimmed(*accept).empty()) return Format::json;
  std::optional<Format> best;
  int best_quality = 0;
  for (const std::string_view text : split(*accept, ',')) {
    const Item item = parse_item(text);
    const auto format = format_of(item.type);
    if (!format || quality(item) <= best_quality) continue;
    best = format;
    best_quality = quality(item);
  }
  if (best) return *best;
  return fail(ErrorCode::invalid_request, "no format that the request accepts can be written",
              "Accept application/json, application/x-ndjson, application/vnd.apache.arrow.stream or text/csv.");
}

}  // namespace weir::server
