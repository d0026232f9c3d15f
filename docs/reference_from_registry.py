"""Writes the reference: one page a family of ops, from the registry, and one page a module, for autodoc.

    python docs/reference_from_registry.py FOLDER        # conf.py does this at each build

An op's page entry is its signature, its docstring and what the registry knows about it. Nothing here is
written by hand but the titles.
"""

import importlib
import inspect
import keyword
import pkgutil
import re
import sys
from collections import defaultdict
from pathlib import Path

import facula
from facula.ops import OPS
from facula.ops._op import ALIASES, NAMESPACES
from facula.testing.samples import build, on_device, samples_of, tensors_in

#: Packages with a page of their own, and whether their classes live in its submodules.
MODULES = {
    "facula": "Tensors, dtypes and devices",
    "facula.nn": "Layers",
    "facula.nn.utils": "Tools for layers",
    "facula.optim": "Optimizers",
    "facula.data": "Data loading",
    "facula.autograd": "Automatic differentiation",
    "facula.func": "Functions of functions",
    "facula.amp": "Autocast",
    "facula.distributions": "Distributions",
    "facula.cuda": "What programs ask about CUDA",
    "facula.io": "Files",
    "facula.graph": "Capture",
    "facula.random": "Random numbers",
    "facula.backends": "Devices and plug-ins",
    "facula.testing": "Testing",
    "facula_vision": "Vision",
    "facula_audio": "Audio",
    "facula_text": "Text",
}
#: Submodules that are not reached through names in `__all__`, by package.
SINGLE = {
    "facula.autograd": ["facula.autograd.functional"],
    "facula.distributions": [],
    "facula.optim": ["facula.optim.lr_scheduler"],
    "facula.nn": ["facula.nn.init"],
    "facula.backends": ["facula.backends.spec", "facula.backends.buffer", "facula.backends.array"],
    "facula.testing": ["facula.testing.samples", "facula.testing.backend_suite"],
    "facula.random": [],
}  # fmt: skip


def write(folder):
    """Writes all pages; files that would not change are left alone, so that a rebuild is quick."""
    pages = {f"ops-{family}.md": family_page(family, ops) for family, ops in families().items()}
    pages |= {
        f"{name.replace('.', '-')}.rst": module_page(name, title) for name, title in MODULES.items()
    }
    pages["nn-functional.md"] = functional_page()
    pages["tensor-methods.md"] = methods_page()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# ---- ops


def families():
    """The ops of Facula itself, by the file they are defined in."""
    found = defaultdict(list)
    for op in OPS.values():
        if op.function.__module__.startswith("facula.ops."):
            found[op.family].append(op)
    return dict(sorted(found.items()))


def family_page(family, ops):
    module = importlib.import_module(f"facula.ops.{family}")
    shown = [op for op in ops if op.samples and not op.name.startswith("_")]
    blocks = [op for op in ops if op not in shown]
    lines = [
        f"# {family.replace('_', ' ').capitalize()}",
        "",
        inspect.cleandoc(module.__doc__ or ""),
        "",
    ]
    lines += [f"Source: `packages/core/src/facula/ops/{family}.py`.", ""]
    for op in shown:
        lines += entry(op)
    if blocks:
        lines += [
            "## Building blocks",
            "",
            "Ops that others are made of; backends see them, users need not.",
            "",
        ]
        for op in blocks:
            lines += entry(op)
    return "\n".join(lines)


def entry(op):
    lines = [
        f"`````{{py:function}} {public_name(op)}({signature(op)})",
        "",
        inspect.cleandoc(op.doc),
        "",
    ]
    return lines + [f"- {fact}" for fact in facts(op)] + ["`````", ""]


def public_name(op):
    for prefix in NAMESPACES:
        if op.name.startswith(prefix):
            return f"facula.{prefix[:-1]}.{op.name.removeprefix(prefix)}"
    return f"facula.{op.name}" if not keyword.iskeyword(op.name) else op.name


def signature(op):
    """The parameters of the public form, without annotations that say nothing."""
    out, is_starred = [], False
    for p in inspect.signature(op.public_call).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not is_starred:
            out.append("*")
            is_starred = True
        is_starred |= p.kind is p.VAR_POSITIONAL
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = (
            "" if p.default is p.empty or repr(p.default) == "REQUIRED" else f"={plain(p.default)}"
        )
        out.append(f"{stars}{p.name}{default}")
    return ", ".join(out)


def plain(default):
    return (
        repr(default) if isinstance(default, (bool, int, float, str, tuple, type(None))) else "..."
    )


PROMOTED = {
    "common": "inputs are cast to their common dtype",
    "float": "inputs are cast to their common dtype, integers and bools to the default float dtype",
    "number": "inputs are cast to their common dtype, bools to int64",
    "values": "all inputs but the first are cast to their common dtype",
}


def facts(op):
    """What the registry knows of an op, one line each."""
    forms = [f"method `Tensor.{op.name}`"] if op.method else []
    forms += [f"in place `Tensor.{op.name}_`"] if op.inplace and op.method else []
    if op.aliases:
        forms.append("second names " + ", ".join(f"`{name}`" for name in op.aliases))
    if forms:
        yield "Also as: " + "; ".join(forms) + "."
    if op.outputs:
        yield "Returns a named tuple: " + ", ".join(f"`{name}`" for name in op.outputs) + "."
    if op.promote:
        yield f"Dtypes: {PROMOTED.get(op.promote, op.promote)}."
    yield "Gradient: " + gradient(op) + "."
    if op.alias:
        yield (
            "The result is a view of the input."
            if op.view
            else "The result may share memory with the input."
        )
    if op.dynamic:
        yield f"The result's shape depends on values, so it can't be captured: {op.dynamic.rstrip('.')}."
    yield "Runs as: " + kind(op) + "."


def gradient(op):
    """Whether one flows through the op; where no rule says so, its first samples are tried."""
    if op.rules:
        return "a rule of its own"
    if op.leaf:
        return "none"
    for call in samples_of(op)[:4]:
        try:
            call = build(call, on_device("cpu", grad=True))
            results = tensors_in(op(*call.args, **call.kwargs))
        except Exception:  # in-place methods refuse leaves that require grad
            continue
        if any(r.requires_grad for r in results):
            return "through its steps"
    return "none"


def kind(op):
    if op.host:
        return "an optional kernel; devices without it compute it on the host"
    return (
        "a leaf: every device has a kernel for it"
        if op.leaf
        else "its body, or a device's own kernel"
    )


def methods_page():
    """Methods of Tensor that are made from ops, each with a link to the op."""
    lines = [
        "# Methods of Tensor",
        "",
        "Those that are ops, with the tensor as their first argument. Methods that are no ops",
    ]
    lines += [
        "are on the [page of the class](facula.rst).",
        "",
        "| Method | In place | What it gives |",
        "|---|---|---|",
    ]
    for name, op in sorted({**ALIASES, **OPS}.items()):
        if (
            op.method
            and (op.samples or op.name != name)
            and op.function.__module__.startswith("facula.ops.")
        ):
            inplace = f"`{name}_`" if op.inplace else ""
            first = inspect.cleandoc(op.doc).split("\n")[0].replace("|", "\\|")
            lines.append(f"| {{py:func}}`{name} <{public_name(op)}>` | {inplace} | {first} |")
    return "\n".join(lines) + "\n"


def functional_page():
    """`facula.nn.functional` has every op by its name, and these with signatures of its own."""
    from facula.nn import functional

    lines = ["# Functional layers", "", inspect.cleandoc(functional.__doc__ or ""), ""]
    lines += [
        "These are written out:",
        "",
    ]
    for name, value in sorted(vars(functional).items()):
        if (
            inspect.isfunction(value)
            and value.__module__ == functional.__name__
            and not name.startswith("_")
        ):
            parameters = re.sub(r": '[^']*'", "", str(inspect.signature(value)).split(" ->")[0])
            doc = inspect.cleandoc(value.__doc__ or (OPS[name].doc if name in OPS else ""))
            lines += [
                f"`````{{py:function}} facula.nn.functional.{name}{parameters}",
                "",
                doc,
                "`````",
                "",
            ]
    return "\n".join(lines)


# ---- modules


def module_page(name, title):
    """A page for autodoc: the package's public names, in the order and under the titles of its files."""
    lines = [title, "=" * len(title), "", f".. automodule:: {name}", "   :no-members:", ""]
    for home, directives in by_home(importlib.import_module(name)).items():
        lines += section(
            home.rpartition(".")[2].strip("_").replace("_", " ").capitalize(), directives
        )
    for single in submodules(importlib.import_module(name)):
        members = by_home(importlib.import_module(single))
        lines += section(single, [f".. automodule:: {single}\n   :no-members:"])
        lines += [line for directives in members.values() for d in directives for line in (d, "")]
    return "\n".join(lines) + "\n"


def by_home(module):
    """Directives for the public classes and functions of a module, by the file they are defined in."""
    found, taken = defaultdict(list), set()
    for name in public_names(module):
        value = getattr(module, name, None)
        kind = (
            "class" if inspect.isclass(value) else "function" if inspect.isfunction(value) else ""
        )
        if kind and value not in taken:
            taken.add(value)
            found[value.__module__].append(f".. auto{kind}:: {module.__name__}.{name}")
    return found


def public_names(module):
    """`__all__`, or what a package gathers from its files, or what a file defines."""
    if (
        module is facula
    ):  # save, compile and the like are on the pages of the modules they come from
        first = [
            "Tensor",
            "Size",
            "tensor",
            "as_tensor",
            "from_numpy",
            "device",
            "dtype",
            "finfo",
            "iinfo",
        ]
        return [*first, *sorted(n for n, home in facula._HOMES.items() if home not in MODULES)]
    if hasattr(module, "__all__"):
        return module.__all__
    homes = (
        (module.__name__, "facula._tensor") if module.__name__ == "facula.nn" else module.__name__
    )
    names = [n for n in vars(module) if not n.startswith("_")]
    return [
        n for n in names if str(getattr(getattr(module, n), "__module__", "")).startswith(homes)
    ]


def submodules(module):
    if module.__name__ in SINGLE or module.__name__.startswith("facula.") or module is facula:
        return SINGLE.get(module.__name__, [])
    found = [m.name for m in pkgutil.iter_modules(module.__path__, module.__name__ + ".")]
    return [
        name
        for name in found
        if not name.endswith(".plugin") and not name.rpartition(".")[2].startswith("_")
    ]


def section(title, directives):
    return ["", title, "-" * len(title), "", *[line for d in directives for line in (d, "")]]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
