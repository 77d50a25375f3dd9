/// Binds declared options to the fields of a struct, once, as a table: no hand-written "read field" blocks.
///
///   const Binding<PostgresOptions> kBinding = Binding<PostgresOptions>()
///       .field("connection.url", &PostgresOptions::url)
///       .field("connection.connect_timeout_ms", &PostgresOptions::connect_timeout)   // std::chrono::milliseconds
///       .choice("connection.tls", &PostgresOptions::tls, {{"required", Tls::required}, {"disabled", Tls::disabled}});
///   PostgresOptions options = WEIR_TRY(kBinding.read(validated_body));
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "options/options.h"

namespace weir::options {

namespace detail {

/// The value at "connection.pool_size", or null when it or a group above it is absent.
const nlohmann::json* find(const nlohmann::json& body, std::string_view path);
/// Every path that `group` declares, inner groups included: "connection.pool_size".
std::vector<std::string> paths(const Group& group);

template <typename Value>
struct IsOptional : std::false_type {};
template <typename Inner>
struct IsOptional<std::optional<Inner>> : std::true_type {};
template <typename Value>
struct IsDuration : std::false_type {};
template <typename Rep, typename Period>
struct IsDuration<std::chrono::duration<Rep, Period>> : std::true_type {};

/// Text, boolean, number, list of texts; a duration counts the units of its type; an optional is filled.
/// False when the value does not fit the field. An integer that does not fit a narrow field does not fit.
template <typename Value>
bool assign(Value& field, const nlohmann::json& value) {
  if constexpr (IsOptional<Value>::value) {
    return assign(field.emplace(), value);
  } else if constexpr (IsDuration<Value>::value) {
    typename Value::rep count{};
    if (!assign(count, value)) return false;
    field = Value(count);
    return true;
  } else if constexpr (std::is_same_v<Value, bool>) {
    return value.is_boolean() && (field = value.get<bool>(), true);
  } else if constexpr (std::is_integral_v<Value>) {
    if (!value.is_number_integer() || !std::in_range<Value>(value.get<int64_t>())) return false;
    field = static_cast<Value>(value.get<int64_t>());
    return true;
  } else if constexpr (std::is_floating_point_v<Value>) {
    return value.is_number() && (field = value.get<Value>(), true);
  } else if constexpr (std::is_same_v<Value, std::string>) {
    return value.is_string() && (field = value.get<std::string>(), true);
  } else {
    static_assert(std::is_same_v<Value, std::vector<std::string>>, "this type of field is not supported");
    return value.is_array() && (field = value.get<std::vector<std::string>>(), true);
  }
}

}  // namespace detail

/// The table that fills a `T` from a validated body. Immutable once built, so it may be shared by threads.
template <typename T>
class Binding {
 public:
  /// `path` is relative to the body: "connection.pool_size". An absent option leaves the field as `T` initialises it.
  template <typename Value>
  Binding&& field(std::string_view path, Value T::* member) && {
    entries_.push_back(
        {path, [member](T& to, const nlohmann::json& value) { return detail::assign(to.*member, value); }});
    return std::move(*this);
  }

  /// For a text option with `choices` that is an enumeration in `T`.
  template <typename Value>
  Binding&& choice(std::string_view path, Value T::* member,
                   std::vector<std::pair<std::string_view, std::type_identity_t<Value>>> values) && {
    entries_.push_back({path, [member, values = std::move(values)](T& to, const nlohmann::json& value) {
                          for (const auto& [name, meaning] : values) {
                            if (value == name) return to.*member = meaning, true;
                          }
                          return false;
                        }});
    return std::move(*this);
  }

  /// Errors: internal, when a declaration and its field do not fit (a defect that `unbound` and one test find).
  Result<T> read(const nlohmann::json& validated) const {
    T to{};
    for (const Entry& entry : entries_) {
      const nlohmann::json* value = detail::find(validated, entry.path);
      if (value == nullptr || entry.assign(to, *value)) continue;
      return fail(ErrorCode::internal, "declared option does not fit its field: " + std::string(entry.path));
    }
    return to;
  }

  /// For a test beside each declaration: paths that `group` declares and nothing reads, or that are read and not
  /// declared. `unread` are those that are meant to be left (name, type, mode).
  std::vector<std::string> unbound(const Group& group, const std::vector<std::string>& unread = {}) const {
    std::vector<std::string> declared = detail::paths(group);
    std::vector<std::string> found;
    for (const Entry& entry : entries_) {
      if (std::erase(declared, entry.path) == 0) found.emplace_back(entry.path);
    }
    for (const std::string& path : unread) std::erase(declared, path);
    found.insert(found.end(), declared.begin(), declared.end());
    return found;
  }

 private:
  struct Entry {
    std::string_view path;
    std::function<bool(T& to, const nlohmann::json& value)> assign;
  };
  std::vector<Entry> entries_;
};

}  // namespace weir::options
