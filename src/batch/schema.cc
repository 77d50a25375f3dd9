/// Export of schemas.
#include "batch/schema.h"

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
};

void release(ArrowSchema* schema) {
  delete static_cast<Exported*>(schema->private_data);
  schema->release = nullptr;
}

}  // namespace

OwnedSchema make_schema(std::string format, std::string name, bool nullable, std::vector<OwnedSchema> children) {
  auto exported = std::make_unique<Exported>(Exported{std::move(format), std::move(name), std::move(children), {}});
  for (OwnedSchema& child : exported->children) exported->child_pointers.push_back(child.get());
  OwnedSchema out;
  out->format = exported->format.c_str();
  out->name = exported->name.c_str();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<int64_t>(exported->children.size());
  out->children = exported->children.empty() ? nullptr : exported->child_pointers.data();
  out->release = release;
  out->private_data = exported.release();
  return out;
}

}  // namespace weir::batch
