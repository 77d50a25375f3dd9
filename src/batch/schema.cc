/// Export of schemas.
#include "batch/schema.h"

#include <cstring>
#include <memory>
#include <utility>

namespace weir::batch {
namespace {

/// What an exported schema owns. Lives until the consumer releases the schema.
struct Exported {
  std::string format;
  std::string name;
  std::vector<OwnedSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  std::string metadata;
};

constexpr std::string_view kExtensionKey = "ARROW:extension:name";

void add_number(std::string& out, size_t number) {
  const auto value = static_cast<int32_t>(number);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Metadata of one pair, as the C Data Interface encodes it.
std::string encode(std::string_view key, std::string_view value) {
  std::string out;
  add_number(out, 1);
  for (const auto text : {key, value}) {
    add_number(out, text.size());
    out += text;
  }
  return out;
}

std::string_view take_text(const char*& place) {
  int32_t size = 0;
  std::memcpy(&size, place, sizeof size);
  const std::string_view text(place + sizeof size, static_cast<size_t>(size));
  place += sizeof size + text.size();
  return text;
}

void release(ArrowSchema* schema) {
  delete static_cast<Exported*>(schema->private_data);
  schema->release = nullptr;
}

}  // namespace

OwnedSchema make_schema(std::string format, std::string name, bool nullable, std::vector<OwnedSchema> children,
                        std::string_view extension) {
  auto exported = std::make_unique<Exported>(Exported{std::move(format), std::move(name), std::move(children), {}, {}});
  if (!extension.empty()) exported->metadata = encode(kExtensionKey, extension);
  for (OwnedSchema& child : exported->children) exported->child_pointers.push_back(child.get());
  OwnedSchema out;
  out->format = exported->format.c_str();
  out->name = exported->name.c_str();
  out->metadata = exported->metadata.empty() ? nullptr : exported->metadata.data();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<int64_t>(exported->children.size());
  out->children = exported->children.empty() ? nullptr : exported->child_pointers.data();
  out->release = release;
  out->private_data = exported.release();
  return out;
}

std::string extension_of(const ArrowSchema& field) {
  if (field.metadata == nullptr) return {};
  const char* place = field.metadata;
  int32_t pairs = 0;
  std::memcpy(&pairs, place, sizeof pairs);
  place += sizeof pairs;
  for (int32_t pair = 0; pair < pairs; ++pair) {
    const auto key = take_text(place);
    const auto value = take_text(place);
    if (key == kExtensionKey) return std::string(value);
  }
  return {};
}

}  // namespace weir::batch
